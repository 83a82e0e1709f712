internal import Logging
internal import NIOCore

/// Asks Sentinels for the primary: before each connection, and every second while there is one.
///
/// It runs on the event loop of the watched connections. If the primary has moved, connections to the old one are
/// closed at once and made again to the new one: a frozen server keeps its connections open without answering, and one
/// that wakes after a failover accepts writes until a Sentinel demotes it, and these are lost. Polling is preferred to
/// a subscription of `+switch-master`, because a silent Sentinel must be noticed too and an answer can't be missed;
/// most Sentinels also learn of a failover by polling each other.
final class SentinelWatch {
    typealias Outcome = Result<RedisConfiguration.Address, RedisError>

    /// How often Sentinels are asked while there are connections.
    static let interval = Duration.seconds(1)
    /// How many reasons a message lists.
    private static let reasonLimit = 5

    private struct Watched {
        weak var connection: RedisConnectionHandler?
    }

    private let sentinel: RedisConfiguration.Sentinel
    private let configuration: RedisConfiguration
    private let eventLoop: any EventLoop
    private let logger: Logger
    private var list: SentinelList
    /// The connection to the Sentinel that answered last.
    private var current: SentinelConnection?
    /// The callers waiting for the answer; one question serves all.
    private var waiting: [(Outcome) -> Void] = []
    private var watched: [Watched] = []
    private var timer: Scheduled<Void>?
    private var isClosed = false

    /// Starts with the configured Sentinels.
    init(
        _ sentinel: RedisConfiguration.Sentinel, _ configuration: RedisConfiguration, on eventLoop: any EventLoop,
        logger: Logger
    ) {
        self.sentinel = sentinel
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        list = SentinelList(seeds: configuration.seeds)
    }

    /// Asks one Sentinel after the other, until one names the primary.
    func primary(_ answer: @escaping (Outcome) -> Void) {
        guard !isClosed else { return answer(.failure(.shuttingDown)) }
        waiting.append(answer)
        if waiting.count == 1 { ask(list.addresses[...], failures: []) }
    }

    /// Ends a connection as soon as the primary has moved.
    func watch(_ connection: RedisConnectionHandler) {
        watched.removeAll { $0.connection?.isEnded ?? true }
        watched.append(Watched(connection: connection))
        if timer == nil { askLater() }
    }

    /// The named server reports that it is a replica: another Sentinel may know better.
    func redirected() {
        guard let misleading = current else { return }
        current = nil
        list.failed(misleading.address)
        misleading.close()
    }

    /// Stops asking.
    func close() {
        isClosed = true
        timer?.cancel()
        timer = nil
        current?.close()
        current = nil
        finish(.failure(.shuttingDown))
    }

    private func ask(_ addresses: ArraySlice<RedisConfiguration.Address>, failures: [RedisError]) {
        guard let address = addresses.first else { return finish(.failure(failure(failures))) }
        let connection = connection(to: address)
        connection.ask { outcome in
            guard !self.isClosed else { return }
            switch outcome {
            case .success(let answer):
                self.list.answered(address)
                if let others = answer.others { self.list.learn(others, from: address) }
                self.endOthers(than: answer.primary)
                self.finish(.success(answer.primary))
            case .failure(let error):
                self.logger.debug(
                    "No answer from a Sentinel",
                    metadata: [LogKey.address: "\(address)", LogKey.error: "\(error)"])
                self.list.failed(address)
                self.current = nil
                self.ask(addresses.dropFirst(), failures: failures + [error])
            }
        }
    }

    private func connection(to address: RedisConfiguration.Address) -> SentinelConnection {
        if let current, current.address == address { return current }
        current?.close()
        let connection = SentinelConnection(to: address, of: sentinel, configuration, on: eventLoop)
        current = connection
        return connection
    }

    private func finish(_ outcome: Outcome) {
        let answers = waiting
        waiting = []
        for answer in answers { answer(outcome) }
    }

    private func failure(_ failures: [RedisError]) -> RedisError {
        var reasons = failures.prefix(Self.reasonLimit).map { "\($0.address ?? "?"): \($0.message)" }
        if failures.count > reasons.count { reasons.append("and \(failures.count - reasons.count) more") }
        let isRefused = failures.allSatisfy { $0.code == .authentication }
        return RedisError(
            isRefused ? .authentication : .unreachable,
            "no Sentinel says where the primary is (\(reasons.joined(separator: "; ")))",
            address: sentinel.name, underlying: failures.first)
    }

    private func endOthers(than primary: RedisConfiguration.Address) {
        for connection in watched.compactMap(\.connection) where connection.address != primary {
            guard !connection.isEnded else { continue }
            let old = connection.address.description
            logger.debug(
                "The primary has moved", metadata: [LogKey.address: "\(primary)", LogKey.formerAddress: "\(old)"])
            connection.end(RedisError(.unreachable, "the primary is now \(primary)", address: old))
        }
    }

    private func askLater() {
        timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(Self.interval)) {
            self.timer = nil
            guard !self.isClosed, self.watched.contains(where: { $0.connection?.isEnded == false }) else { return }
            // If no Sentinel answers, the connection is kept.
            self.primary { _ in
                if !self.isClosed, self.timer == nil { self.askLater() }
            }
        }
    }
}

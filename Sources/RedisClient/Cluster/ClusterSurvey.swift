internal import Logging
internal import NIOCore

/// Asks the nodes of a cluster for the slot map.
///
/// Three nodes are asked at a time, and the first good answer counts: one with a complete map that isn't older than the
/// known one, so that a partitioned node isn't believed. If no answer is good, the best one is used.
struct ClusterSurvey {
    /// A node to ask.
    struct Candidate {
        let address: RedisConfiguration.Address
        /// Its connection, if there is one; otherwise one is made for this question only.
        let node: RedisNode?
    }

    /// The view of one node.
    struct View: Sendable {
        let address: RedisConfiguration.Address
        let map: SlotMap
        /// The configuration epoch of the cluster as this node knows it; 0 if it can't be read.
        let epoch: Int64

        fileprivate func isBetter(than other: View) -> Bool {
            (epoch, map.coverage) > (other.epoch, other.map.coverage)
        }
    }

    /// How many nodes are asked in total, and how many at the same time.
    static let (most, atOnce) = (30, 3)
    /// The time limit.
    static let patience = Duration.seconds(1)

    private let configuration: RedisConfiguration
    private let logger: Logger

    /// Creates a survey with the credentials and TLS of a configuration.
    init(_ configuration: RedisConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Asks several nodes after each other.
    ///
    /// - Parameter epoch: the epoch of the known map.
    func run(asking candidates: [Candidate], notBefore epoch: Int64) async -> Result<View, RedisError> {
        var best: View?
        var failures: [RedisError] = []
        var rest = candidates.prefix(Self.most)
        while !rest.isEmpty, !Task.isCancelled {
            for answer in await ask(rest.prefix(Self.atOnce), notBefore: epoch) {
                switch answer {
                case .success(let view): best = best.map { view.isBetter(than: $0) ? view : $0 } ?? view
                case .failure(let error): failures.append(error)
                }
            }
            if let best, isGood(best, epoch) { return .success(best) }
            rest = rest.dropFirst(Self.atOnce)
        }
        return best.map { .success($0) } ?? .failure(.noNode(because: failures))
    }

    private func isGood(_ view: View, _ epoch: Int64) -> Bool {
        view.map.coverage == RedisSlot.count && view.epoch >= epoch
    }

    /// Asks several nodes at the same time until one has a good answer or the time limit passes.
    private func ask(_ candidates: ArraySlice<Candidate>, notBefore epoch: Int64) async -> [Result<View, RedisError>] {
        await withTaskGroup(of: Result<View, RedisError>?.self) { group in
            for candidate in candidates {
                group.addImmediateTask { await self.ask(candidate) }
            }
            group.addTask {
                // Cancelled when the answers have arrived.
                await AsyncSignal().wait(atMost: Self.patience)
                return nil
            }
            var answers: [Result<View, RedisError>] = []
            for await answer in group {
                guard let answer else { break }
                answers.append(answer)
                if case .success(let view) = answer, isGood(view, epoch) { break }
                if answers.count == candidates.count { break }
            }
            group.cancelAll()
            if answers.isEmpty, let first = candidates.first {
                let message = "no answer within \(Self.patience)"
                return [.failure(RedisError(.unreachable, message, address: first.address.description))]
            }
            return answers
        }
    }

    private func ask(_ candidate: Candidate) async -> Result<View, RedisError> {
        if let node = candidate.node { return await view(of: node) }
        let isAnnounced = !configuration.seeds.contains(candidate.address)
        var configuration = configuration.at(candidate.address)
        // Slightly less, so that the node's own error arrives in time.
        configuration.connectTimeout = Self.patience * 0.9
        let node = RedisNode(configuration, logger: logger, isAnnounced: isAnnounced) {}
        return await withTaskGroup(of: Void.self) { group in
            group.addImmediateTask { await node.run() }
            let answer = await view(of: node)
            node.shutdown()
            return answer
        }
    }

    /// A slow node keeps its connection, which others are using: only the question is cancelled.
    private func view(of node: RedisNode) async -> Result<View, RedisError> {
        let commands = ["SLOTS", "INFO"].map { RedisCommand("CLUSTER", [$0]) }
        do throws(RedisError) {
            let replies = try await node.begin(commands).outcome()
            let address = node.configuration.address
            if let error = replies[0].error { throw Self.refused(error, by: address) }
            let map = try SlotMap(replies[0], from: address)
            return .success(View(address: address, map: map, epoch: Self.epoch(in: replies[1])))
        } catch {
            return .failure(error)
        }
    }

    private static func refused(_ error: RedisServerError, by address: RedisConfiguration.Address) -> RedisError {
        let isAlone = error.message.contains("cluster support disabled")
        let message =
            isAlone
            ? "the server is not part of a cluster (“\(error)”): expected redis:// instead of redis+cluster://"
            : "“\(error)”"
        return RedisError(
            .server, message, command: "CLUSTER SLOTS", address: address.description, server: error)
    }

    private static func epoch(in info: RedisValue) -> Int64 {
        let lines = (info.string ?? "").split(whereSeparator: \.isNewline)
        let line = lines.first { $0.hasPrefix("cluster_current_epoch:") }
        return line.flatMap { Int64($0.drop { $0 != ":" }.dropFirst()) } ?? 0
    }
}

extension RedisError {
    /// The error if no node could be asked: the reasons of the first few, with the most specific code.
    fileprivate static func noNode(because failures: [RedisError]) -> RedisError {
        let specific = failures.first { ![.unreachable, .cancelled].contains($0.code) }
        guard let first = specific ?? failures.first else {
            return RedisError(.unreachable, "the cluster has no node to ask")
        }
        if failures.count == 1 { return first }
        let reasons = failures.prefix(4).map { "\($0.address ?? "?"): \($0.message)" }.joined(separator: "; ")
        let code = specific?.code ?? .unreachable
        return RedisError(code, "no node of the cluster answers (\(reasons))", server: first.server, underlying: first)
    }
}

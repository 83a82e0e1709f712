internal import Logging
internal import NIOCore
internal import Synchronization

/// The open connections, and which of them are closed if there are too many.
///
/// A connection costs a client nothing, so one client could use up a plain limit and lock everybody else out. Therefore
/// each address has its own limit, and a connection beyond a limit replaces the oldest connection *that waits for its
/// client*: one that is silent, in the middle of a head or body, or not reading its answer. Connections whose request
/// is complete and being answered are kept; the new connection is closed only if all are such. So a health check or a
/// run is accepted at once, even if someone holds a thousand silent connections.
final class Connections: Sendable {
    /// The most connections, and the most from one address.
    static let most = 1_024, mostByAddress = 256
    /// The shortest time between two log lines about closed connections.
    private static let quiet = Duration.seconds(60)

    /// One open connection.
    private struct Entry {
        let origin: Origin
        let close: @Sendable () -> Void
        /// Since when it waits for its client, as an increasing number; nil while its request is answered.
        var waiting: UInt64?
    }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var counts: [Origin: Int] = [:]
        var tick: UInt64 = 0
        var closed = 0
        var saidAt: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let limits: (all: Int, address: Int)
    private let isShared: @Sendable (String) -> Bool
    private let logger: Logger

    /// Creates it.
    ///
    /// - Parameter isShared: whether an address is a trusted proxy, which forwards for many clients.
    init(
        most: Int = most, mostByAddress: Int = mostByAddress, logger: Logger,
        isShared: @escaping @Sendable (String) -> Bool = { _ in false }
    ) {
        limits = (most, mostByAddress)
        self.isShared = isShared
        self.logger = logger
    }

    /// The number of open connections.
    var count: Int { state.withLock(\.entries.count) }

    /// Adds a connection.
    ///
    /// If that exceeds a limit, another connection or this one is closed.
    func open(_ id: ObjectIdentifier, from address: String, close: @escaping @Sendable () -> Void) {
        let (origin, isShared) = (Origin(address), isShared(address))
        let victim = state.withLock { state -> (@Sendable () -> Void)? in
            state.tick += 1
            state.entries[id] = Entry(origin: origin, close: close, waiting: state.tick)
            state.counts[origin, default: 0] += 1
            let isFull = state.entries.count > limits.all
            guard isFull || !isShared && state.counts[origin, default: 0] > limits.address else { return nil }
            state.closed += 1
            // The address with the most connections loses one, not necessarily the new one.
            let loser = isFull ? state.counts.max { $0.value < $1.value }?.key ?? origin : origin
            let oldest = state.entries.lazy.filter {
                $0.value.origin == loser && $0.value.waiting != nil && $0.key != id
            }
            .min { ($0.value.waiting ?? 0) < ($1.value.waiting ?? 0) }?.key
            return Self.remove(oldest ?? id, from: &state)
        }
        guard let victim else { return }
        victim()
        say(from: address)
    }

    /// The request of a connection is complete; the server is answering.
    func answering(_ id: ObjectIdentifier) {
        state.withLock { $0.entries[id]?.waiting = nil }
    }

    /// A connection waits for its client: for a request, for the rest of one, or for the client to read.
    func waiting(_ id: ObjectIdentifier) {
        state.withLock { state in
            state.tick += 1
            state.entries[id]?.waiting = state.tick
        }
    }

    /// A connection was closed.
    func closed(_ id: ObjectIdentifier) {
        state.withLock { _ = Self.remove(id, from: &$0) }
    }

    /// Removes a connection; returns how to close it.
    private static func remove(_ id: ObjectIdentifier, from state: inout State) -> (@Sendable () -> Void)? {
        guard let entry = state.entries.removeValue(forKey: id) else { return nil }
        let left = state.counts[entry.origin, default: 1] - 1
        state.counts[entry.origin] = left > 0 ? left : nil
        return entry.close
    }

    /// Logs, at most once a minute, how many connections were closed.
    private func say(from address: String) {
        let closed = state.withLock { state -> Int? in
            if let saidAt = state.saidAt, saidAt.duration(to: .now) < Self.quiet { return nil }
            state.saidAt = .now
            defer { state.closed = 0 }
            return state.closed
        }
        guard let closed else { return }
        logger.warning(
            "closed connections to make room for others",
            metadata: [
                "closed": "\(closed)", "newest_from": "\(address)", "most": "\(limits.all)",
                "most_by_address": "\(limits.address)",
            ])
    }
}

internal import Logging
internal import NIOCore
internal import Synchronization

/// The connections that are open, and who has to go when there are too many.
///
/// A connection costs a stranger nothing, so that a plain limit is one for everybody else: whoever fills it has shut the door.
/// So each address has a limit of its own, and a new connection that would be one too many takes the place of the oldest
/// one *that waits for its client* – silent, in the middle of a head or a body, or not taking its answer. Those whose request
/// is complete and is being answered stay; only where all are is the new one closed. A health check that comes while
/// somebody holds a thousand silent connections is therefore let in at once, and so is a run.
final class Connections: Sendable {
    /// The most connections at once, and the most from one address.
    static let most = 1_024, mostByAddress = 256
    /// How long it says nothing more about connections that it closed.
    private static let quiet = Duration.seconds(60)

    /// One open connection.
    private struct Entry {
        let origin: Origin
        let close: @Sendable () -> Void
        /// Since when it waits for its client, as a number that grows; nil while it is being answered.
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

    /// Makes it.
    ///
    /// - Parameter isShared: whether an address is that of a proxy, behind which there are many.
    init(
        most: Int = most, mostByAddress: Int = mostByAddress, logger: Logger,
        isShared: @escaping @Sendable (String) -> Bool = { _ in false }
    ) {
        limits = (most, mostByAddress)
        self.isShared = isShared
        self.logger = logger
    }

    /// How many are open.
    var count: Int { state.withLock(\.entries.count) }

    /// Takes a new connection in; where that is one too many, another one goes, or itself.
    func open(_ id: ObjectIdentifier, from address: String, close: @escaping @Sendable () -> Void) {
        let (origin, isShared) = (Origin(address), isShared(address))
        let victim = state.withLock { state -> (@Sendable () -> Void)? in
            state.tick += 1
            state.entries[id] = Entry(origin: origin, close: close, waiting: state.tick)
            state.counts[origin, default: 0] += 1
            let isFull = state.entries.count > limits.all
            guard isFull || !isShared && state.counts[origin, default: 0] > limits.address else { return nil }
            state.closed += 1
            // Of all, whoever has the most gives way: not the one who happens to come now.
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

    /// Its request is complete: what comes next is ours to do.
    func answering(_ id: ObjectIdentifier) {
        state.withLock { $0.entries[id]?.waiting = nil }
    }

    /// It waits for its client: for a request, for the rest of one, or for it to take an answer.
    func waiting(_ id: ObjectIdentifier) {
        state.withLock { state in
            state.tick += 1
            state.entries[id]?.waiting = state.tick
        }
    }

    /// It is closed.
    func closed(_ id: ObjectIdentifier) {
        state.withLock { _ = Self.remove(id, from: &$0) }
    }

    /// Forgets a connection that counts no longer; what closes it.
    private static func remove(_ id: ObjectIdentifier, from state: inout State) -> (@Sendable () -> Void)? {
        guard let entry = state.entries.removeValue(forKey: id) else { return nil }
        let left = state.counts[entry.origin, default: 1] - 1
        state.counts[entry.origin] = left > 0 ? left : nil
        return entry.close
    }

    /// Says at most once a minute that connections were closed, and how many.
    private func say(from address: String) {
        let closed = state.withLock { state -> Int? in
            if let saidAt = state.saidAt, saidAt.duration(to: .now) < Self.quiet { return nil }
            state.saidAt = .now
            defer { state.closed = 0 }
            return state.closed
        }
        guard let closed else { return }
        logger.warning(
            "connections were closed to make room for others",
            metadata: [
                "closed": "\(closed)", "newest_from": "\(address)", "most": "\(limits.all)",
                "most_by_address": "\(limits.address)",
            ])
    }
}

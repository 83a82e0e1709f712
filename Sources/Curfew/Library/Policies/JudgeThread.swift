internal import Dispatch
internal import Policies
internal import Synchronization

/// Makes the verdicts of one policy for one cleanup on a thread of their own, since they may take long or never come back.
///
/// There is one for each policy and cleanup of the process, whoever runs it, so that a policy which never comes back holds
/// one thread, and not one more with each run or each time that the configuration is read:
///
///     here       hand over a page ─► wait ……………………………… take the verdicts
///                               └─► watch: does the count move? ─► no, for the limit: give up, the thread is held
///     thread              record 1 · record 2 · record 3 …
///
/// A thread that is held is free again when the verdict comes back after all; what it is to do meanwhile fails at once.
final class JudgeThread: Sendable {
    private struct Key: Hashable {
        let policy: ObjectIdentifier
        let cleanup: String
    }

    private struct State {
        /// How many verdicts were begun.
        var count: UInt64 = 0
        /// What is being worked on, and the record that it is at.
        var batch: ObjectIdentifier?
        var record = ""
        /// The record whose verdict doesn't come back, and since when.
        var held: (record: String, since: ContinuousClock.Instant)?
    }

    /// The most threads that may be held before no policy of the program's own is asked any more.
    static let mostHeld = 16
    /// The most that are kept, beside those that work.
    private static let mostKept = 1_024

    private static let all = Mutex<[Key: JudgeThread]>([:])
    private static let heldCount = Mutex(0)

    private let policy: String
    private let queue: DispatchQueue
    private let state = Mutex(State())

    private init(policy: String) {
        self.policy = policy
        queue = DispatchQueue(label: "curfew.policy.\(policy)")
    }

    /// The one of a policy and a cleanup.
    static func of(_ policy: any Policy.Type, named name: String, cleanup: String) -> JudgeThread {
        let key = Key(policy: ObjectIdentifier(policy), cleanup: cleanup)
        return all.withLock { all in
            if let known = all[key] { return known }
            if all.count >= mostKept { all = all.filter { $0.value.state.withLock { $0.batch != nil } } }
            let made = JudgeThread(policy: name)
            all[key] = made
            return made
        }
    }

    /// Throws where a verdict hasn't come back.
    func checkIsFree() throws(CurfewError) {
        guard let held = state.withLock({ $0.held }) else { return }
        let time = held.since.duration(to: .now)
        throw CurfewError(
            .policy,
            "the policy \(policy) hasn't come back with its verdict on \(held.record.shortened(to: 200)) for "
                + "\(Duration.milliseconds(time.milliseconds).roughText): nothing more is decided until it does, or the "
                + "program is started anew")
    }

    /// Makes so many values, one after the other; fewer where one of them took longer than the limit.
    ///
    /// - Parameters:
    ///   - name: what each is about, for messages.
    ///   - waiting: called now and then meanwhile; what it throws ends the wait.
    /// - Throws: `CurfewError` where the thread is held from before; `CancellationError` where the task is cancelled; what
    ///   `waiting` throws.
    func values<Value: Sendable>(
        _ count: Int, limit: Duration, name: @escaping @Sendable (Int) -> String,
        waiting: @escaping @Sendable () throws -> Void, make: @escaping @Sendable (Int) -> Value
    ) async throws -> [Value] {
        try checkIsFree()
        guard Self.heldCount.withLock({ $0 }) < Self.mostHeld else {
            throw CurfewError(
                .policy, "\(Self.mostHeld) verdicts of this program's policies haven't come back: start it anew")
        }
        let batch = JudgeBatch<Value>(count: count)
        queue.async { self.work(on: batch, name: name, make: make) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.watch(batch, limit: limit, waiting: waiting) }
            await batch.end()
            group.cancelAll()
        }
        try Task.checkCancellation()
        if let reason = batch.reason { throw reason }
        let values = batch.values
        guard values.count == count || batch.isBegun else {
            try checkIsFree()
            throw CurfewError(.policy, "the policy \(policy) was busy with other records for \(limit.text)")
        }
        return values
    }

    private func work<Value>(
        on batch: JudgeBatch<Value>, name: @Sendable (Int) -> String, make: @Sendable (Int) -> Value
    ) {
        let id = ObjectIdentifier(batch)
        for place in 0..<batch.count {
            guard batch.begin() else { break }
            let record = name(place)
            state.withLock { state in
                state.count &+= 1
                (state.batch, state.record) = (id, record)
            }
            batch.add(make(place))
        }
        let wasHeld = state.withLock { state in
            defer { (state.batch, state.held) = (nil, nil) }
            return state.held != nil
        }
        if wasHeld { Self.heldCount.withLock { $0 -= 1 } }
        batch.finish()
    }

    /// Gives up on a batch where no verdict came back for the limit, the task is cancelled, or nobody waits any more.
    private func watch<Value>(
        _ batch: JudgeBatch<Value>, limit: Duration, waiting: @Sendable () throws -> Void
    ) async {
        let step = min(limit / 10, .milliseconds(500))
        var seen: UInt64 = 0
        var since = ContinuousClock.now
        while batch.isWanted {
            do {
                try await Task.sleep(for: step)
            } catch {
                return batch.finish()
            }
            do {
                try waiting()
            } catch {
                return batch.finish(because: error)
            }
            let count = state.withLock { $0.count }
            if count != seen { (seen, since) = (count, .now) }
            guard since.duration(to: .now) >= limit else { continue }
            hold(since: since)
            return batch.finish()
        }
    }

    private func hold(since: ContinuousClock.Instant) {
        let isNew = state.withLock { state in
            guard state.batch != nil, state.held == nil else { return false }
            state.held = (state.record, since)
            return true
        }
        if isNew { Self.heldCount.withLock { $0 += 1 } }
    }
}

/// Values that are made one after the other, until nobody wants them any more.
private final class JudgeBatch<Value: Sendable>: Sendable {
    private struct State {
        var values: [Value] = []
        var isBegun = false
        var isFinished = false
        var reason: (any Error)?
        var continuation: CheckedContinuation<Void, Never>?
    }

    let count: Int
    private let state: Mutex<State>

    init(count: Int) {
        self.count = count
        var state = State()
        state.values.reserveCapacity(count)
        self.state = Mutex(state)
    }

    /// Whether somebody waits for it.
    var isWanted: Bool { state.withLock { !$0.isFinished } }

    /// Whether a value was begun or made.
    var isBegun: Bool { state.withLock { $0.isBegun } }

    /// What was made in time.
    var values: [Value] { state.withLock { $0.values } }

    /// Why it was finished before its time, where that isn't the time that it takes.
    var reason: (any Error)? { state.withLock { $0.reason } }

    /// Begins with the next value; false where nobody wants it any more.
    func begin() -> Bool {
        state.withLock { state in
            guard !state.isFinished else { return false }
            state.isBegun = true
            return true
        }
    }

    func add(_ value: Value) {
        state.withLock { state in
            if !state.isFinished { state.values.append(value) }
        }
    }

    /// Ends the wait; what comes later isn't wanted.
    func finish(because reason: (any Error)? = nil) {
        let waiter = state.withLock { state in
            if !state.isFinished { state.reason = reason }
            state.isFinished = true
            defer { state.continuation = nil }
            return state.continuation
        }
        waiter?.resume()
    }

    /// Waits until it is finished.
    func end() async {
        await withCheckedContinuation { continuation in
            let isFinished = state.withLock { state in
                if !state.isFinished { state.continuation = continuation }
                return state.isFinished
            }
            if isFinished { continuation.resume() }
        }
    }
}

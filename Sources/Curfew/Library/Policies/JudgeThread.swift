internal import Dispatch
internal import Policies
internal import Synchronization

/// Makes the verdicts of one policy for one cleanup on a thread of their own, since they may take long or never come back.
///
/// There is one for each policy and cleanup of the process, whoever runs it, so that a policy which never comes back holds
/// one thread, and not one more with each run or each time that the configuration is read:
///
///     here       hand over a page ─► wait ……………………………… take the verdicts
///     thread                          record 1 · record 2 · record 3 …
///     watch      does the count move? · does it move? ─► not for the limit: give up, the thread is held
///
/// The watch is one task for all pages that follow each other closely: a page takes milliseconds, and a timer of its own
/// would cost as much as its verdicts. A thread that is held is free again when the verdict comes back after all; what it is to do meanwhile fails at once.
final class JudgeThread: Sendable {
    private struct Key: Hashable {
        let policy: ObjectIdentifier
        let cleanup: String
    }

    private struct State {
        /// How many verdicts were begun.
        var count: UInt64 = 0
        /// What is being worked on, and the place in it.
        var batch: (any AwaitedBatch)?
        var place = 0
        /// The record whose verdict doesn't come back, and since when.
        var held: (record: String, since: ContinuousClock.Instant)?
        /// What is waited for, and how much of it has come since there was a watch.
        var watches: [Watch] = []
        var batches: UInt64 = 0
        var isWatched = false
    }

    /// A batch that is waited for.
    private struct Watch {
        let batch: any AwaitedBatch
        let limit: Duration
        let waiting: @Sendable () throws -> Void
        /// How many verdicts there were when one last came, and when that was.
        var seen: UInt64
        var since: ContinuousClock.Instant

        /// How often it is looked at.
        var step: Duration { min(limit / 10, .milliseconds(500)) }
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
        let batch = JudgeBatch<Value>(count: count, name: name)
        watch(batch, limit: limit, waiting: waiting)
        queue.async { self.work(on: batch, make: make) }
        await withTaskCancellationHandler {
            await batch.end()
        } onCancel: {
            batch.finish(because: nil)
        }
        state.withLock { state in state.watches.removeAll { $0.batch === batch } }
        try Task.checkCancellation()
        if let reason = batch.reason { throw reason }
        let values = batch.values
        guard values.count == count || batch.isBegun else {
            try checkIsFree()
            throw CurfewError(.policy, "the policy \(policy) was busy with other records for \(limit.text)")
        }
        return values
    }

    private func work<Value>(on batch: JudgeBatch<Value>, make: @Sendable (Int) -> Value) {
        var place = 0
        while place < batch.count, batch.begin() {
            state.withLock { state in
                state.count &+= 1
                (state.batch, state.place) = (batch, place)
            }
            batch.add(make(place))
            place += 1
        }
        let wasHeld = state.withLock { state in
            defer { (state.batch, state.held) = (nil, nil) }
            return state.held != nil
        }
        if wasHeld { Self.heldCount.withLock { $0 -= 1 } }
        batch.finish(because: nil)
    }

    /// Has an eye on a batch until it is taken off the watches.
    private func watch(
        _ batch: any AwaitedBatch, limit: Duration, waiting: @escaping @Sendable () throws -> Void
    ) {
        let isFirst = state.withLock { state in
            state.watches.append(
                Watch(batch: batch, limit: limit, waiting: waiting, seen: state.count, since: .now))
            state.batches &+= 1
            defer { state.isWatched = true }
            return !state.isWatched
        }
        guard isFirst else { return }
        Task.detached { await self.watchAll() }
    }

    /// Looks at what is waited for, until nothing is and nothing new has come for a while.
    private func watchAll() async {
        var step = Duration.milliseconds(500)
        while true {
            let batches = state.withLock { state in
                step = state.watches.map(\.step).min() ?? step
                return state.batches
            }
            do {
                try await Task.sleep(for: step)
            } catch {
                // Nobody cancels it; if somebody did, the next batch begins it anew.
                return state.withLock { $0.isWatched = false }
            }
            let watches = state.withLock { state in
                state.isWatched = !state.watches.isEmpty || state.batches != batches
                return state.isWatched ? state.watches : nil
            }
            guard let watches else { return }
            for watch in watches { look(at: watch) }
        }
    }

    /// Gives up on a batch where no verdict came back for its limit, or nobody waits any more.
    private func look(at watch: Watch) {
        do {
            try watch.waiting()
        } catch {
            return watch.batch.finish(because: error)
        }
        let late = state.withLock { state -> ContinuousClock.Instant? in
            guard let place = state.watches.firstIndex(where: { $0.batch === watch.batch }) else { return nil }
            if state.watches[place].seen != state.count {
                (state.watches[place].seen, state.watches[place].since) = (state.count, .now)
            }
            let since = state.watches[place].since
            return since.duration(to: .now) >= watch.limit ? since : nil
        }
        guard let late else { return }
        hold(since: late)
        watch.batch.finish(because: nil)
    }

    private func hold(since: ContinuousClock.Instant) {
        let isNew = state.withLock { state in
            guard let batch = state.batch, state.held == nil else { return false }
            state.held = (batch.name(state.place), since)
            return true
        }
        if isNew { Self.heldCount.withLock { $0 += 1 } }
    }
}

/// What is waited for, whatever it makes.
private protocol AwaitedBatch: AnyObject, Sendable {
    /// What the one at that place is about, for messages.
    var name: @Sendable (Int) -> String { get }

    /// Ends the wait; what comes later isn't wanted.
    func finish(because reason: (any Error)?)
}

/// Values that are made one after the other, until nobody wants them any more.
private final class JudgeBatch<Value: Sendable>: AwaitedBatch {
    private struct State {
        var values: [Value] = []
        var isBegun = false
        var isFinished = false
        var reason: (any Error)?
        var continuation: CheckedContinuation<Void, Never>?
    }

    let count: Int
    let name: @Sendable (Int) -> String
    private let state: Mutex<State>

    init(count: Int, name: @escaping @Sendable (Int) -> String) {
        (self.count, self.name) = (count, name)
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
    func finish(because reason: (any Error)?) {
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

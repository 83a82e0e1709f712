internal import Logging
internal import Policies
internal import RedisClient

/// One pass over what is due: read, decide, commit, count.
///
///     to Redis   commit n · read n+2                    │ commit n+1 · read n+3
///     here       count n−1 · decide, encode n+1 · …     │ count n · decide, encode n+2 · …
///
/// Redis answers a connection when it has done all that it has read from it, so what is read along with a commit comes
/// back with the commit's answer. Records are therefore read two pages ahead: while Redis commits page n, the records of
/// page n+1 are here already to be decided and encoded. Between the answer to one commit and the next one nothing else
/// is done, so that neither side waits for the other. There is one commit in flight, never more: more would only make
/// others wait (see ``PageSize``). A watching sweep is the same with the commits left out.
///
/// What may go wrong, and what then: a lost connection is waited for while the lease is trusted, and the page is read
/// again, because nobody can say which part of it was committed (see `Sweep+Recovery.swift`). Any other error ends the
/// sweep; what is not done stays in the index.
struct Sweep: Sendable {
    let engine: Engine
    let cleanup: Cleanup
    /// The right to write; nil only watches.
    let claim: Claim?
    let control: RunControl
    let clock: ServerClock
    let options: Options
    /// Entries to be looked at in place of an index, where a preview found records by itself.
    let scanned: [DueEntry]?

    /// How a sweep differs from the usual one.
    struct Options: Sendable {
        /// How much later than now the policy is asked for: a preview of the future.
        var ahead: Duration = .zero
        /// One timeout in place of the configured ones.
        ///
        /// Index entries then keep their scores.
        var timeout: Duration?
        /// The most records to be changed.
        var limit: Int?
    }

    /// What a sweep ends with.
    struct Outcome: Sendable {
        var tally = Tally()
        /// Entries that were due when it began.
        var due = 0
        /// Entries that are due now.
        var remaining = 0
        /// For how long the first of them has been due.
        var oldest: Duration = .zero
        /// Why it stopped early, if it did.
        var error: (any Error)?
    }

    var now: Timestamp { clock.now + options.ahead }
    var index: String { cleanup.index ?? engine.keys.index(cleanup.name) }
    var judge: Judge {
        Judge(reader: RecordReader(redis: engine.redis, cleanup: cleanup, keys: engine.keys))
    }

    /// Entries due up to then are looked at.
    ///
    /// A shorter timeout makes records due that the index does not show as due yet.
    private var horizon: Timestamp {
        guard let timeout = options.timeout else { return now }
        return now + max(.zero, cleanup.longestTimeout - timeout)
    }

    /// Sweeps until nothing new is due, the limit is reached or the control says stop.
    func run() async -> Outcome {
        var state = State(size: PageSize(fixed: cleanup.page))
        do {
            try await begin(&state, horizon)
            repeat {
                try control.checkpoint()
                try await step(&state)
            } while !isDone(state)
            settleLast(&state)
            if state.outcome.due > 0, scanned == nil { try await measureRest(&state.outcome) }
        } catch {
            settleLast(&state)
            state.outcome.error = error
        }
        return state.outcome
    }

    /// Sends a page and, while Redis is at it, counts the one before and makes the one after ready.
    private func step(_ state: inout State) async throws {
        let page = state.ready
        let commit = try page?.prepared.map { try engine.redis.begin([$0.command]) }
        let reading = try Reading(state.request, sent: engine.redis.begin(state.request.commands))
        settleLast(&state)
        // What was committed is counted, whatever becomes of the rest: errors wait until then.
        let next = await caught { try await prepare(state.reading, &state) }
        let request = Result { try nextRequest(&state) }
        if let page {
            state.last = (page, try await results(of: page, commit: commit))
            if let commit { state.size.called(with: page.judged.count, took: commit.elapsed) }
        }
        state.ready = try next.get()
        state.reading = reading
        state.request = try request.get()
    }

    private func caught<Value>(_ body: () async throws -> Value) async -> Result<Value, any Error> {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
}

/// A page on its way: what was decided and, where something is to be written, the call that writes it.
struct Page: Sendable {
    let judged: [Judged]
    let prepared: Committer.Prepared?
}

extension RunControl.Progress {
    /// Takes over the numbers of a sweep.
    mutating func report(_ outcome: Sweep.Outcome) {
        let tally = outcome.tally
        (found, changed, retried, skipped, failed) =
            (tally.found, tally.changed, tally.retried, tally.skipped, tally.failed)
        refunded = tally.refunded
        percent = outcome.due > 0 ? min(100, tally.checked * 100 / outcome.due) : 100
        step = "sweep"
    }
}

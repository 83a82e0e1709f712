internal import Logging
internal import Policies
internal import RedisClient

/// One pass over what is due: read, decide, commit, count.
///
///     entries      ZRANGE ─┐
///     page n+1             └─ HMGET … ── verdicts ── encode ─┐
///     page n                                                └─ commit ── tally
///
/// While Redis commits page n, page n+1 is read, decided and encoded here, so that neither waits for the other. There is
/// one commit in flight, never more: more would only make others wait (see ``PageSize``). A watching sweep is the same
/// with the commit left out.
///
/// What may go wrong, and what then: a lost connection is waited for while the lease is trusted, and the page is read
/// again, because nobody can say which part of it was committed (see `Sweep+Recovery.swift`). Any other error ends the
/// sweep; what is not done stays in the index.
struct Sweep: Sendable {
    /// How many entries of the index are read at once: enough for several pages, so that ids are there when needed.
    static let readAhead = 512

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
        /// One timeout in place of the configured ones. Index entries then keep their scores.
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

    /// Where the sweep is.
    private struct State {
        var cursor = DueCursor()
        var size: PageSize
        var queue: [DueEntry] = []
        /// Changes decided on so far, sent or not.
        var promised = 0
        var isFull = false
        var outcome = Outcome()
    }

    /// What is asked of Redis while a page is being committed.
    private struct Request {
        var entries: [Judge.Keyed]
        var range: ClosedRange<Int>?
        var commands: [RedisCommand]
    }

    var now: Timestamp { clock.now + options.ahead }
    var index: String { cleanup.index ?? engine.keys.index(cleanup.name) }
    var judge: Judge {
        Judge(reader: RecordReader(redis: engine.redis, cleanup: cleanup, keys: engine.keys))
    }

    /// Entries due up to then are looked at. A shorter timeout makes records due that the index does not show as due yet.
    private var horizon: Timestamp {
        guard let timeout = options.timeout else { return now }
        return now + max(.zero, cleanup.longestTimeout - timeout)
    }

    /// Sweeps until nothing new is due, the limit is reached or the control says stop.
    func run() async -> Outcome {
        var state = State(size: PageSize(fixed: cleanup.page))
        do {
            let horizon = horizon
            try await begin(&state, horizon)
            var page = try await nextPage(&state)
            while let current = page {
                try control.checkpoint()
                page = try await step(current, &state, horizon)
                if page == nil, !state.isFull, !state.queue.isEmpty { page = try await nextPage(&state) }
            }
            if state.outcome.due > 0, scanned == nil { try await measureRest(&state.outcome) }
        } catch {
            state.outcome.error = error
        }
        return state.outcome
    }

    /// Commits a page while the next is read, and counts it. Gives back the next, ready to be sent.
    private func step(
        _ page: Page, _ state: inout State, _ horizon: Timestamp
    ) async throws -> Page? {
        let request = try nextRequest(&state)
        // The reads go first: their replies must not be stuck behind the commit, or nothing would overlap.
        let reading = try engine.redis.begin(request.commands)
        let began = ContinuousClock.now
        async let committed = commit(page)
        let following: Result<(page: Page?, range: RedisValue?), any Error>
        do {
            let (judged, reply) = try await read(request, begun: reading)
            following = .success((try await prepare(judged, &state), reply))
        } catch {
            // What was committed is counted first, whatever became of the reading.
            following = .failure(error)
        }
        let results = try await committed
        state.size.called(with: page.judged.count, took: began.duration(to: .now))
        // Entries were read while this page was still pending, so they are taken before it is settled.
        let entries = Result { try following.get().range.map(Self.entries) ?? [] }
        if case .success(let new) = entries, let range = request.range {
            state.queue += state.cursor.take(new, asked: range, horizon: horizon)
        }
        settle(page.judged, results, &state)
        _ = try entries.get()
        return try following.get().page
    }

    /// The first entries of the index, and how many are due.
    private func begin(_ state: inout State, _ horizon: Timestamp) async throws {
        if let scanned {
            state.queue = scanned
            state.outcome.due = scanned.count
            return
        }
        let range = state.cursor.range(count: Self.readAhead)
        let commands = [rangeCommand(range), RedisCommand("ZCOUNT", [index, "-inf", String(horizon.milliseconds)])]
        let replies = try await retrying { try await engine.redis.pipeline(commands) }
        state.queue = state.cursor.take(try Self.entries(replies[0]), asked: range, horizon: horizon)
        state.outcome.due = Int(replies[1].integer ?? 0)
    }

    /// Reads, decides and prepares a page with nothing else going on.
    private func nextPage(_ state: inout State) async throws -> Page? {
        try await prepare(try await read(try nextRequest(&state, withRange: false)).0, &state)
    }

    /// Takes a page of entries from the queue, and asks for more where few are left.
    private func nextRequest(_ state: inout State, withRange: Bool = true) throws -> Request {
        guard !state.isFull else { return Request(entries: [], commands: []) }
        let entries = try judge.keyed(state.queue.prefix(state.size.current))
        state.queue.removeFirst(entries.count)
        var request = Request(entries: entries, commands: judge.commands(for: entries))
        if withRange, scanned == nil, !state.cursor.isExhausted, state.queue.count < 2 * state.size.current {
            let range = state.cursor.range(count: Self.readAhead)
            request.range = range
            request.commands.append(rangeCommand(range))
        }
        return request
    }

    private func read(
        _ request: Request, begun: RedisClient.PendingReplies? = nil
    ) async throws -> ([Judged], RedisValue?) {
        guard !request.commands.isEmpty else { return ([], nil) }
        var begun = begun
        return try await retrying {
            let pending = try begun ?? engine.redis.begin(request.commands)
            begun = nil
            let replies = try await pending.replies()
            let records = Array(replies.prefix(request.entries.count))
            let judged = try await judge.decide(request.entries, replies: records, at: now)
            return (judged, request.range == nil ? nil : replies.last)
        }
    }

    /// Makes a page ready, cut where the limit is reached.
    private func prepare(_ judged: [Judged], _ state: inout State) async throws -> Page? {
        var judged = judged
        if let limit = options.limit {
            let changes = judged.indices.filter { judged[$0].isChange }
            if state.promised + changes.count >= limit {
                state.isFull = true
                let allowed = limit - state.promised
                judged = allowed > 0 ? Array(judged[...changes[allowed - 1]]) : []
            }
        }
        state.promised += judged.count(where: \.isChange)
        guard !judged.isEmpty else { return nil }
        guard let claim else { return Page(judged: judged, prepared: nil) }
        let committer = committer(claim)
        return Page(
            judged: judged,
            prepared: try await committer.prepare(judged, at: now, rescores: options.timeout == nil))
    }

    private func settle(_ page: [Judged], _ results: [Committer.Result], _ state: inout State) {
        for (judged, result) in zip(page, results) {
            switch result {
            case .changed(let isRefunded):
                guard case .change(let change) = judged.decision else { continue }
                state.outcome.tally.changed(judged.entry.id, change, isRefunded: isRefunded, isDryRun: claim == nil)
            case .moved: state.outcome.tally.moved()
            case .refused(let why): state.outcome.tally.failed(judged.entry.id, why)
            case .malformed(let error): state.outcome.tally.failed(judged.entry.id, error.message)
            case .left(let isStalled, _): state.outcome.tally.left(isStalled: isStalled)
            }
            state.cursor.finished(judged.entry.id, stays: claim == nil || result.stays)
        }
        let outcome = state.outcome
        control.advance { $0.report(outcome) }
    }

    private func measureRest(_ outcome: inout Outcome) async throws {
        let now = clock.now
        let replies = try await retrying {
            try await engine.redis.pipeline([
                RedisCommand("ZCOUNT", [index, "-inf", String(now.milliseconds)]),
                RedisCommand("ZRANGE", [index, "0", "0", "WITHSCORES"]),
            ])
        }
        outcome.remaining = Int(replies[0].integer ?? 0)
        if outcome.remaining > 0, let first = try Self.entries(replies[1]).first {
            outcome.oldest = .milliseconds(max(0, now.milliseconds - Int64(max(first.score, 0))))
        }
    }

    private func rangeCommand(_ range: ClosedRange<Int>) -> RedisCommand {
        RedisCommand("ZRANGE", [index, String(range.lowerBound), String(range.upperBound), "WITHSCORES"])
    }

    private static func entries(_ reply: RedisValue) throws -> [DueEntry] {
        if let error = reply.error { throw CurfewError(.server, "reading the index: \(error.message)") }
        let elements = reply.elements
        var entries: [DueEntry] = []
        entries.reserveCapacity(elements.count / 2)
        for place in stride(from: 0, to: elements.count - 1, by: 2) {
            let score = elements[place + 1].string ?? ""
            let id = elements[place].string
            entries.append(
                DueEntry(
                    id: id ?? String(decoding: elements[place].bytes ?? [], as: UTF8.self),
                    score: Double(score) ?? .infinity, scoreText: score, isReadable: id != nil))
        }
        return entries
    }
}

/// A page on its way: what was decided and, where something is to be written, the call that writes it.
struct Page: Sendable {
    let judged: [Judged]
    let prepared: Committer.Prepared?
}

extension RunControl.Progress {
    /// Takes over the numbers of a sweep.
    fileprivate mutating func report(_ outcome: Sweep.Outcome) {
        let tally = outcome.tally
        (found, changed, retried, skipped, failed) =
            (tally.found, tally.changed, tally.retried, tally.skipped, tally.failed)
        refunded = tally.refunded
        percent = outcome.due > 0 ? min(100, tally.checked * 100 / outcome.due) : 100
        step = "sweep"
    }
}

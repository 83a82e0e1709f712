internal import Policies
internal import RedisClient
internal import Synchronization

/// The stages of a sweep: entries, records, pages, results.
extension Sweep {
    /// How many entries of the index are read at once: enough for several pages, so that ids are there when needed.
    static let readAhead = 512

    /// Where the sweep is.
    struct State {
        var cursor = DueCursor()
        /// Where entries come from in place of an index.
        var walk: RegistryWalk?
        var size: PageSize
        /// Entries due up to then are looked at.
        var horizon = Timestamp(milliseconds: 0)
        /// Entries that were read, in order.
        var queue: [DueEntry] = []
        /// What is to be read next; made ready, but not sent.
        var request = Request()
        /// What was read, or is on its way.
        var reading = Reading(Request(), sent: nil)
        /// The pages that are being decided over, because the policy has asked for more.
        var deciding: [Deciding] = []
        /// The page that is sent next.
        var ready: Page?
        /// The pages in flight and, behind them, the one that is sent as soon as the first of them is answered.
        var inFlight: [Flight] = []
        /// The last commit that was answered.
        var received: RedisClient.PendingReplies?
        /// What commits.
        var committer: any Committing
        /// Records that are claimed and whose objects are not deleted yet.
        var claimed: [Evaluation] = []
        /// Whether a range of entries was asked for and not taken in yet.
        var isRangeAsked = false
        /// Whether the sizes of records are asked before they are read, because some were too large for that.
        var isCareful = false
        /// Changes decided on so far, sent or not.
        var promised = 0
        /// Whether the limit is reached.
        var isFull = false
        var outcome = Outcome()
    }

    /// A page that was handed to the client, with what is read along with it.
    struct Flight {
        let page: Page?
        let commit: RedisClient.PendingReplies?
        let spans: PageSpans?
    }

    /// What is read along with a commit: records, and more entries where few are left.
    struct Request {
        var entries: [Evaluator.Keyed] = []
        var range: ClosedRange<Int>?
        /// Whether a page of members is read along.
        var walks = false
        /// Whether the commands ask for the sizes of the records, and not for the records.
        var asksSizes = false
        /// Whether records are read, whatever their sizes.
        var readsRecords: Bool { !asksSizes && !entries.isEmpty }
        var commands: [RedisCommand] = []
    }

    /// Reads that were sent.
    struct Reading {
        let request: Request
        let sent: RedisClient.PendingReplies?

        init(_ request: Request, sent: RedisClient.PendingReplies?) {
            self.request = request
            self.sent = sent
        }
    }

    /// A page that is being decided over.
    struct Deciding {
        /// What was decided, where nothing had to be asked.
        var judged: [Evaluation] = []
        /// What else there is of the page: records that can't be read, because they are too large.
        var large: [Evaluation] = []
        /// What is decided once the answers are there; nil where nothing was asked.
        var answers: Answers?
    }

    /// What is decided once Redis has answered what the policy, and the commit after it, must know.
    struct Answers: Sendable {
        typealias Decided = (judged: [Evaluation], kinds: QueueKinds?)

        let task: Task<Decided, any Error>
        let progress: Progress

        /// Whether they are there.
        final class Progress: Sendable {
            private let state = Mutex(false)
            var isDone: Bool { state.withLock { $0 } }
            func done() { state.withLock { $0 = true } }
        }
    }

    /// Whether there is nothing left to do.
    func isDone(_ state: State) -> Bool {
        if state.isFull, state.ready == nil { return true }
        let hasAll = scanned != nil || state.walk?.isExhausted ?? state.cursor.isExhausted
        return hasAll && state.queue.isEmpty && state.ready == nil && state.deciding.isEmpty
            && state.request.entries.isEmpty && state.reading.request.entries.isEmpty
    }

    /// The first entries of the index, how many are due, and the first records.
    func begin(_ state: inout State, _ horizon: Timestamp) async throws {
        state.horizon = horizon
        if claim != nil { try await seeQueue() }
        let check = IndexCheck(store.redis, cleanup)
        if let scanned {
            if let check { try await retrying { try await check.checkScores() } }
            state.queue = scanned
            state.outcome.due = scanned.count
        } else if let source = registrySource {
            try await beginWalk(&state, source)
        } else {
            let range = state.cursor.range(count: Self.readAhead)
            let ranged = rangeCommand(range)
            let replies = try await retrying { try await store.redis.pipeline([ranged]) }
            let (first, asked) = try await entries(replies[0], asked: range)
            state.queue = state.cursor.take(first, asked: asked, horizon: horizon)
            // A first page that holds all is counted here, which saves every run with little to do a command.
            let isCounted = state.cursor.isExhausted
            state.outcome.due = isCounted ? state.queue.count : try await countDue(until: horizon)
            // Where nothing is due nothing is written, and what was read shows an index of another unit all the same.
            if let check, state.outcome.due > 0 || check.isOdd(first) {
                try await retrying { try await check.checkScores() }
            }
            if let check, !options.mayAllBeMissing, cleanup.missing == .refuse {
                let queue = state.queue
                try await retrying { try await check.checkRecords(queue) }
            }
        }
        if state.outcome.due > 0 {
            let queue = state.queue
            try await retrying { try await checkClock(queue) }
        }
        let first = try nextRequest(&state)
        state.reading = try Reading(first, sent: store.redis.begin(first.commands))
        state.request = try nextRequest(&state)
    }

    private func countDue(until horizon: Timestamp) async throws -> Int {
        let count = RedisCommand("ZCOUNT", [index, "-inf", cleanup.indexUnit.bound(of: horizon)])
        return Int(try await retrying { try await store.redis.pipeline([count])[0].integer ?? 0 })
    }

    /// Looks what the queue is that records are put on, where it is the same for all: so that it is known when it is drained.
    private func seeQueue() async throws {
        let queues = cleanup.writes.filter { $0.isQueue && $0.template.isConstant }.map(\.template.text)
        guard !queues.isEmpty else { return }
        try await retrying { _ = try await QueueKinds(queues, store.redis, store.keys, isNoting: true) }
    }

    /// Takes a page of entries from the queue, and asks for more where few are left.
    func nextRequest(_ state: inout State) throws -> Request {
        guard !state.isFull else { return Request() }
        let judge = judge
        let count = state.isCareful ? min(state.size.current, RecordReader.mostSized) : state.size.current
        let entries = try judge.keyed(state.queue.prefix(count))
        state.queue.removeFirst(entries.count)
        let commands = state.isCareful ? judge.reader.sizeRequest(for: entries) : judge.commands(for: entries)
        var request = Request(entries: entries, asksSizes: state.isCareful, commands: commands)
        let isShort = state.queue.count < 3 * state.size.current
        if isShort, scanned == nil, !state.isRangeAsked, let command = state.walk?.command() {
            state.isRangeAsked = true
            request.walks = true
            request.commands.append(command)
        } else if isShort, scanned == nil, state.walk == nil, !state.isRangeAsked, !state.cursor.isExhausted {
            let range = state.cursor.range(count: Self.readAhead)
            state.isRangeAsked = true
            request.range = range
            request.commands.append(rangeCommand(range))
        }
        return request
    }

    /// The replies to what was asked for; asked again where they were lost.
    ///
    /// Nil where records didn't come in time: they may have been too large for that.
    func replies(to reading: Reading) async throws -> [RedisValue]? {
        var sent = reading.sent
        return try await retrying {
            let pending = try sent ?? store.redis.begin(reading.request.commands)
            sent = nil
            do {
                return try await pending.replies()
            } catch let error as RedisError where error.code == .timedOut && reading.request.readsRecords {
                return nil
            }
        }
    }

    /// Counts what became of a page.
    func settle(_ page: Page, _ results: [CommitResult], _ state: inout State) {
        let isDryRun = claim == nil
        let typeField = cleanup.policy.typeField
        let isLogged = logsRecords
        for (place, result) in zip(page.judged.indices, results) {
            let entry = page.judged[place].entry
            let id = entry.place == nil && entry.trouble == nil ? entry.id : page.judged[place].record.name
            if let trouble = entry.trouble, StrayMember.isMeant(by: trouble) {
                state.outcome.counters.strayed(id, trouble.message)
            }
            if let typeField { count(page.judged[place].record, by: typeField, after: result, &state.outcome) }
            switch result {
            case .changed(let isRefunded):
                guard case .change(let decided) = page.judged[place].decision else { continue }
                let change = isRefunded ? decided : decided.unpaid
                if change.isClaim, !isDryRun {
                    state.claimed.append(page.judged[place])
                } else {
                    state.outcome.counters.changed(id, change, isDryRun: isDryRun)
                    if isLogged { logChange(id, change) }
                    if !isRefunded, decided.pays { state.outcome.counters.foundRefunded() }
                }
            case .moved:
                state.outcome.counters.moved()
                if isLogged { logSkip(id, page.judged[place].change) }
            case .refused(let why): state.outcome.counters.failed(id, why)
            case .malformed(let error): state.outcome.counters.failed(id, error.message)
            case .left(let isStalled, _): state.outcome.counters.left(isStalled: isStalled)
            }
            guard state.walk == nil else {
                let isTaken = page.judged[place].change?.takesSeat == true && !isDryRun && !result.stays
                state.walk?.finished(entry, stays: !isTaken)
                continue
            }
            state.cursor.finished(entry.id, stays: isDryRun || result.stays)
        }
        let outcome = state.outcome
        control.advance { $0.report(outcome) }
    }

    /// Counts a record by its type; what is changed is counted by its change.
    private func count(
        _ record: Record, by typeField: String, after result: CommitResult, _ outcome: inout Outcome
    ) {
        if case .changed = result { return }
        if let type = record.present(typeField) { outcome.counters.saw(type: type) }
    }

    /// What is still due, for the metrics.
    func measureRest(_ outcome: inout Outcome) async throws {
        // What stands in registries is looked at by every run.
        guard registrySource == nil else { return }
        let now = clock.now
        let replies = try await retrying {
            try await store.redis.pipeline([
                RedisCommand("ZCOUNT", [index, "-inf", cleanup.indexUnit.bound(of: now)]),
                RedisCommand("ZRANGE", [index, "0", "0", "WITHSCORES"]),
            ])
        }
        outcome.remaining = Int(replies[0].integer ?? 0)
        if outcome.remaining > 0, !replies[1].isTooLarge, let first = try entries(replies[1]).first {
            outcome.oldest = max(.zero, now - Timestamp(score: first.score))
        }
    }

    func rangeCommand(_ range: ClosedRange<Int>) -> RedisCommand {
        var command = RedisCommand(
            "ZRANGE", [index, String(range.lowerBound), String(range.upperBound), "WITHSCORES"])
        command.replySize = .list
        return command
    }

    func entries(_ reply: RedisValue) throws -> [DueEntry] {
        if let error = reply.error { throw CurfewError(error, "reading the index") }
        let unit = cleanup.indexUnit
        return reply.fields().map { member, score in
            let text = score.string ?? ""
            return DueEntry(
                id: member.string ?? "",
                // Almost all are whole milliseconds, which are read several times as fast.
                score: unit.milliseconds(Int64(text).map(Double.init) ?? Double(text) ?? .infinity), scoreText: text)
        }
    }
}

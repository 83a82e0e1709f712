internal import Policies
internal import RedisClient

/// The stage of a sweep between reading and committing: what is to become of a page.
extension Sweep {
    /// The most pages that wait for answers: one answer comes with each commit, and a policy may ask a few times, or make
    /// its verdicts on another thread while the page before is encoded here.
    private static let mostDeciding = 4

    /// Decides over the page that was read, and makes one ready: the first for which Redis has answered.
    ///
    /// While Redis answers what a policy wants to know about some pages, the one before them is encoded and sent.
    func advance(_ state: inout State) async throws {
        let next = try await decide(state.reading, &state)
        if let next { state.deciding.append(next) }
        guard let first = state.deciding.first else { return }
        let isWaitedFor = next == nil || state.deciding.count >= Self.mostDeciding
        guard first.answers?.progress.isDone != false || isWaitedFor else { return }
        state.deciding.removeFirst()
        state.ready = try await prepare(first, &state)
    }

    /// Takes in entries and records that were read, decides over the records, and encodes what is to be done.
    func prepare(_ reading: Reading, _ state: inout State) async throws -> Page? {
        guard let decided = try await decide(reading, &state) else { return nil }
        return try await prepare(decided, &state)
    }

    /// Takes in entries and records that were read, and begins to decide over the records.
    private func decide(_ reading: Reading, _ state: inout State) async throws -> Deciding? {
        guard var replies = try await replies(to: reading) else {
            postpone(reading.request.entries, &state)
            if reading.request.range != nil || reading.request.walks { state.isRangeAsked = false }
            return nil
        }
        if !reading.request.entries.isEmpty { await FailPoint.reached(.afterRead, cleanup) }
        if reading.request.walks, let reply = replies.popLast() {
            try await takeWalked(reply, &state)
            state.isRangeAsked = false
        } else if let range = reading.request.range, let reply = replies.popLast() {
            let (found, asked) = try await entries(reply, asked: range)
            state.queue += state.cursor.take(found, asked: asked, horizon: state.horizon)
            state.isRangeAsked = false
        }
        let request = reading.request
        guard request.asksSizes else {
            let (entries, records) = fitting(request.entries, replies, &state)
            return try await decide(entries, records: records, &state)
        }
        let (sized, large) = sized(request.entries, replies, &state)
        let records = try await retrying {
            try await store.redis.pipeline(judge.reader.plainCommands(for: sized.entries))
        }
        return try await decide(sized.entries, records: sized.known + records, beside: large, &state)
    }

    /// Begins to decide over records that were read.
    ///
    /// - Parameter large: what can't be read of the page, because it is too large.
    private func decide(
        _ entries: [Evaluator.Keyed], records: [RedisValue], beside large: [Evaluation] = [], _ state: inout State
    ) async throws -> Deciding? {
        guard !state.isFull, !entries.isEmpty || !large.isEmpty else { return nil }
        if judge.foreign != nil, !entries.isEmpty {
            let answers = answers { try await judge.decide(entries, replies: records, at: now, isLast: true) }
            return Deciding(large: large, answers: answers)
        }
        let judging = try await retrying {
            try await judge.begin(entries, replies: records, at: now, isLast: true)
        }
        let asksKinds = !store.redis.isCluster && judging.judged.contains { $0.change?.queues.isEmpty == false }
        guard !judging.isSettled || asksKinds else { return Deciding(judged: judging.judged, large: large) }
        let answers = answers { try await judge.finish(judging) }
        // It runs on the same thread: the questions go out now, and not when the answers are waited for.
        await Task.yield()
        return Deciding(large: large, answers: answers)
    }

    /// Waits for what Redis says to the policy's questions, or for a policy whose verdicts are made elsewhere; and asks what
    /// the queues are that records go to.
    private func answers(_ decide: @escaping @Sendable () async throws -> [Evaluation]) -> Answers {
        let progress = Answers.Progress()
        let task = Task(executorPreference: store.redis.taskExecutor) { () async throws -> Answers.Decided in
            defer { progress.done() }
            let judged = try await retrying(decide)
            guard !store.redis.isCluster else { return (judged, nil) }
            let kinds = try await retrying { try await scope.kinds(of: judged) }
            return (judged, kinds)
        }
        return Answers(task: task, progress: progress)
    }

    /// What was decided, with the answers where some were needed.
    private func decided(_ deciding: Deciding) async throws -> Answers.Decided {
        guard let answers = deciding.answers else { return (deciding.judged + deciding.large, nil) }
        let (judged, kinds) = try await withTaskCancellationHandler {
            try await answers.task.value
        } onCancel: {
            answers.task.cancel()
        }
        return (judged + deciding.large, kinds)
    }

    /// Lets go of a page that isn't needed any more.
    func abandon(_ deciding: Deciding) async {
        deciding.answers?.task.cancel()
        _ = await deciding.answers?.task.result
    }

    /// Encodes what is to be done, cut where the limit is reached.
    private func prepare(_ deciding: Deciding, _ state: inout State) async throws -> Page? {
        guard !state.isFull else {
            await abandon(deciding)
            return nil
        }
        var (judged, kinds) = try await decided(deciding)
        if let limit = options.limit {
            let changes = judged.indices.filter { judged[$0].isChange }
            if state.promised + changes.count >= limit {
                state.isFull = true
                let allowed = limit - state.promised
                judged = allowed > 0 ? Array(judged[...changes[allowed - 1]]) : []
            }
        }
        if let review = options.review { judged = review(judged) }
        state.promised += judged.count(where: \.isChange)
        guard !judged.isEmpty else { return nil }
        guard !store.redis.isCluster else { return Page(judged: judged, prepared: nil) }
        let committer = Committer(scope: scope)
        let ready = judged
        let prepared = try await retrying {
            try await committer.prepare(ready, kinds: kinds, at: now, rescores: options.timeout == nil)
        }
        return Page(judged: ready, prepared: prepared)
    }
}

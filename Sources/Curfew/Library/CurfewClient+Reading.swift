internal import Policies
internal import RedisClient

extension CurfewClient {
    /// What a run would do now, or at a later time; nothing is written, and no lease is needed.
    ///
    /// - Parameters:
    ///   - cleanup: the name of a cleanup.
    ///   - ahead: how much later than now.
    ///   - limit: the most changes, at least 1; nil for the configured number.
    ///   - timeout: a timeout instead of the configured ones.
    /// - Returns: the result that a dry run would have.
    /// - Throws: ``CurfewError/Code/usage`` for an unknown cleanup or an impossible option.
    public func preview(
        _ cleanup: String, ahead: Duration = .zero, limit: Int? = nil, timeout: Duration? = nil
    ) async throws(CurfewError) -> RunResult {
        let known = try named(cleanup)
        try RunOptions(limit: limit, timeout: timeout).check()
        guard ahead >= .zero else { throw CurfewError(.usage, "a preview of the past isn't possible") }
        let engine = engine
        return try await call {
            try await Preview(engine: engine).run(known, ahead: ahead, limit: limit, timeout: timeout).forProgram
        }
    }

    /// One record under the eyes of one cleanup: what it is, when it is due, and what a run would do with it.
    ///
    /// - Parameters:
    ///   - record: its id, or its key.
    ///   - cleanup: the name of a cleanup.
    /// - Throws: ``CurfewError/Code/usage`` for an unknown cleanup, or if the record isn't there.
    public func explain(_ record: String, in cleanup: String) async throws(CurfewError) -> Explanation {
        let known = try named(cleanup)
        let (engine, id) = (engine, record.fromProgram)
        return try await call {
            let explanation = try await Explanation.make(engine: engine, cleanup: known, id: id)
            guard try await engine.has(explanation) else { throw engine.unknown(record: id) }
            return explanation.forProgram
        }
    }

    /// The schedule, the runs under way, the backlog, the instances, and the alerts that are firing.
    public func status() async throws(CurfewError) -> CurfewStatus {
        let (engine, lastRuns) = (engine, lastRuns)
        return try await call { CurfewStatus(try await Status.read(engine, lastRuns)) }
    }

    /// Runs that have ended, newest first, of all instances.
    ///
    /// - Parameters:
    ///   - count: how many, 1–1,000.
    ///   - cleanup: only runs of this cleanup.
    ///   - statuses: only runs that ended so; empty for all.
    /// - Returns: the runs; at most the newest 100,000 are looked at.
    public func runs(
        _ count: Int = 50, of cleanup: String? = nil, ended statuses: Set<RunResult.Status> = []
    ) async throws(CurfewError) -> [EndedRun] {
        try work.check()
        guard (1...1_000).contains(count) else {
            throw CurfewError(.usage, "the number of runs is \(count): expected 1 to 1000")
        }
        let (engine, name) = (engine, cleanup?.fromProgram)
        let words = Set(statuses.map(\.rawValue))
        return try await call {
            try await History(engine: engine).last(count, of: engine.keys.runs) { entry in
                (name.map { entry["cleanup"] == $0 } ?? true)
                    && (words.isEmpty || words.contains(entry["status"] ?? ""))
            }.compactMap { EndedRun($0.forProgram) }
        }
    }
}

extension CurfewClient {
    /// What became of an operation on a cleanup.
    public struct Answer: Sendable {
        /// Whether it was done; false if there was nothing to do.
        public let isDone: Bool
        /// What was done, in one sentence.
        public let message: String
        /// The run that was asked to stop, if one was.
        public let run: String?

        init(_ answer: Control.Answer) {
            (isDone, message) = (answer.isDone, (answer.message + answer.remark).readable)
            run = answer.stopped?.forProgram
        }
    }

    /// Pauses a cleanup on every instance until it is resumed; its current run goes on.
    ///
    /// - Parameters:
    ///   - cleanup: the name of a cleanup.
    ///   - why: the reason, for people to read, 1–500 characters.
    /// - Throws: ``CurfewError/Code/usage`` for an unknown cleanup, or without a reason.
    @discardableResult
    public func pause(_ cleanup: String, why: String) async throws(CurfewError) -> Answer {
        try work.check()
        try check(reason: why, for: "a pause")
        let control = control
        return try await call { Answer(try await control.pause(cleanup.fromProgram, why: why.fromProgram)) }
    }

    /// Lets a paused cleanup run again.
    ///
    /// - Parameters:
    ///   - cleanup: the name of a cleanup.
    ///   - skippingMissed: whether runs that were missed are skipped; otherwise one run makes up for them.
    @discardableResult
    public func resume(_ cleanup: String, skippingMissed: Bool = false) async throws(CurfewError) -> Answer {
        let control = control
        return try await call { Answer(try await control.resume(cleanup.fromProgram, skip: skippingMissed)) }
    }

    /// Asks the current run of a cleanup to stop after its page, on whichever instance it runs.
    @discardableResult
    public func cancel(_ cleanup: String) async throws(CurfewError) -> Answer {
        let control = control
        return try await call { Answer(try await control.cancel(cleanup.fromProgram)) }
    }
}

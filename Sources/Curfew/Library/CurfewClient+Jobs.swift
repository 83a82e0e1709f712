public import Policies
internal import RedisClient
internal import Synchronization

/// The runs of several cleanups, one after the other: one result for all.
public struct CleanupResult: Sendable {
    let group: GroupOfRuns

    /// Whether every run succeeded.
    public var isSuccess: Bool { group.isSuccess }
    /// The results in sentences.
    public var message: String { group.message.readable }
    /// Records past their time.
    public var totalFound: Int { group.totals.totalFound }
    /// Records that were changed; in a dry run, those that would be.
    public var cleanedUp: Int {
        group.results.reduce(0) { $0 + ($1.dryRun ? $1.totalFound - $1.failed : $1.cleanedUp) }
    }
    /// Of these, the ones that were retried.
    public var retried: Int { group.totals.retried }
    /// Records that changed in the meantime and were left alone.
    public var skipped: Int { group.totals.skipped }
    /// Records with errors.
    public var failed: Int { group.totals.failed }
    /// All refunded tokens; in a dry run, those that would be.
    public var tokensRefunded: Amount { group.totals.tokensRefunded }
    /// The results, in the order of the runs.
    public var results: [RunResult] { group.results }
    /// The cleanups that were not run, and why: another run holds the lease, or it is paused.
    public var notRun: [RunResult.Failure] { group.refused.map(\.forProgram) }
}

/// A job that is stuck, and what a run would do with it.
public struct StuckJob: Sendable {
    /// The cleanup that found it.
    public let cleanup: String
    /// The job's id.
    public let id: String
    /// What would be done: `fail`, `retry`, `complete`.
    public let action: String
    /// Its status now, and the one that it would get.
    public let from: String, to: String
    /// Its type, where times depend on types; otherwise empty.
    public let type: String
    /// Its age, and how old it may become.
    public let age: Duration, timeout: Duration
    /// The tokens that would be refunded.
    public let tokensRefunded: Amount
    /// Why, in a sentence.
    public let reason: String
}

extension CurfewClient {
    /// Runs every cleanup of stuck jobs that is enabled, one after the other.
    ///
    /// These are the cleanups behind the name `cleanup-jobs` of `routes`; by default, all enabled ones with the policy
    /// `stuck`. If one can't be run because another run holds its lease, or because it is paused, the others still
    /// are. Cancellation stops the current run after its page, and the rest isn't run.
    ///
    /// - Parameters:
    ///   - timeout: a timeout instead of the configured ones.
    ///   - limit: the most records to change in all of them together, at least 1.
    ///   - dryRun: whether nothing is changed.
    /// - Throws: ``CurfewError/Code/usage`` if there is no such cleanup; what kept the first one from running, if none
    ///   was run.
    public func cleanupStuckJobs(
        timeout: Duration? = nil, limit: Int? = nil, dryRun: Bool = false
    ) async throws(CurfewError) -> CleanupResult {
        try work.check()
        var options = RunOptions(dryRun: dryRun, limit: limit, timeout: timeout)
        try options.check()
        var group = GroupOfRuns()
        var first: CurfewError?
        var left = limit
        for cleanup in try jobCleanups() {
            if Task.isCancelled, !group.results.isEmpty {
                group.leaveOut(cleanup, because: "cancelled")
                continue
            }
            if let left, left < 1 { break }
            options.limit = left
            let result: RunResult
            do {
                result = try await run(cleanup.name.forProgram, options)
            } catch {
                guard [.held, .paused].contains(error.code) else { throw error }
                first = first ?? error
                group.leaveOut(cleanup, because: error.message)
                continue
            }
            await group.add(cleanup) { result }
            left = left.map { $0 - (result.dryRun ? result.totalFound - result.failed : result.cleanedUp) }
        }
        if group.results.isEmpty, let first { throw first }
        return CleanupResult(group: group)
    }

    /// The jobs that are stuck now, as the cleanups of ``cleanupStuckJobs(timeout:limit:dryRun:)`` see them.
    ///
    /// Nothing is written, and no lease is needed.
    ///
    /// - Parameters:
    ///   - timeout: a timeout instead of the configured ones.
    ///   - limit: how many are returned at most, 1–10,000.
    public func findStuckJobs(
        timeout: Duration? = nil, limit: Int = 100
    ) async throws(CurfewError) -> [StuckJob] {
        try work.check()
        try RunOptions(limit: limit, timeout: timeout).check()
        guard limit <= 10_000 else { throw CurfewError(.usage, "the limit is \(limit): expected at most 10000") }
        let cleanups = try jobCleanups()
        let engine = engine
        return try await call {
            var found: [StuckJob] = []
            for cleanup in cleanups where found.count < limit {
                let draft = StuckJobs(cleanup.name.forProgram, most: limit - found.count)
                _ = try await Preview(engine: engine).run(
                    cleanup, limit: limit - found.count, timeout: timeout, review: { draft.note($0) })
                found += draft.jobs
            }
            return found
        }
    }

    private func jobCleanups() throws(CurfewError) -> [Cleanup] {
        let cleanups = engine.configuration.cleanups(behind: RouteNames.jobs) ?? []
        guard !cleanups.isEmpty else {
            throw CurfewError(
                .usage,
                "there is no cleanup of stuck jobs: expected an enabled one with the policy “stuck”, or "
                    + "“\(RouteNames.jobs)” among the routes")
        }
        return cleanups
    }
}

/// Collects what a preview would change.
private final class StuckJobs: Sendable {
    private let cleanup: String
    private let most: Int
    private let found = Mutex<[StuckJob]>([])

    init(_ cleanup: String, most: Int) {
        (self.cleanup, self.most) = (cleanup, most)
    }

    var jobs: [StuckJob] { found.withLock { $0 } }

    /// Adds a page, and returns it unchanged.
    func note(_ page: [Evaluation]) -> [Evaluation] {
        for judged in page {
            guard let change = judged.change else { continue }
            let job = StuckJob(
                cleanup: cleanup, id: judged.record.name.forProgram, action: change.action.rawValue,
                from: change.from.forProgram,
                to: change.to.forProgram, type: change.type.forProgram, age: change.age, timeout: change.timeout,
                tokensRefunded: change.paid, reason: change.reason.readable)
            found.withLock { if $0.count < most { $0.append(job) } }
        }
        return page
    }
}

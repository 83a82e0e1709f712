package import Policies

/// Consecutive runs of several cleanups: one result for all.
package struct GroupOfRuns: Sendable {
    /// The results, in the order of the runs.
    package private(set) var results: [RunResult] = []
    /// Cleanups that were not run, with reasons.
    package private(set) var refused: [RunResult.Failure] = []
    /// What kept a cleanup from running, or ended its run, other than an error of a record.
    package private(set) var failures: [any Error] = []

    /// Creates a group without runs.
    package init() {}

    /// Whether every run succeeded.
    package var isSuccess: Bool { refused.isEmpty && results.allSatisfy(\.isSuccess) }

    /// How the group ended.
    package var status: GroupState.Status {
        guard isSuccess else { return isCancelled ? .cancelled : .failed }
        return errors.isEmpty ? .completed : .completedWithErrors
    }

    /// Whether it ended before everything was done, by a request to stop or without its lease.
    var isCut: Bool {
        refused.count > failures.count || results.contains { $0.status == .cancelled || $0.status == .lost }
    }

    /// Whether a request to stop is the reason that not everything succeeded.
    private var isCancelled: Bool {
        let hasFailed = results.contains { !$0.isSuccess && $0.status != .cancelled }
        return isCut && failures.isEmpty && !hasFailed
    }

    /// The errors of records, then of runs, then the cleanups that were not run.
    package var errors: [RunResult.Failure] {
        results.flatMap { result in
            result.errors + (result.error.map { [RunResult.Failure(id: result.cleanup, error: $0)] } ?? [])
        } + refused
    }

    /// The results in sentences.
    package var message: String {
        let texts = results.map(\.message) + refused.map { "\($0.id) was not run: \($0.error)" }
        return texts.isEmpty ? "Nothing to clean up: no cleanup is configured" : texts.joined(separator: ". ")
    }

    /// Runs a cleanup and adds its result.
    ///
    /// If it can't be run (no lease, no Redis), it is added with the reason; the next ones can still be run.
    ///
    /// - Parameter reason: the words for an error.
    package mutating func add(
        _ cleanup: Cleanup, reason: (any Error) -> String = { "\($0)" }, _ run: () async throws -> RunResult
    ) async {
        do {
            results.append(try await run())
        } catch {
            failures.append(error)
            leaveOut(cleanup, because: reason(error))
        }
    }

    /// Adds a cleanup that is not run.
    package mutating func leaveOut(_ cleanup: Cleanup, because reason: String) {
        refused.append(RunResult.Failure(id: cleanup.name, error: reason))
    }

    /// Adds the error that ended a run.
    package mutating func note(failure: any Error) {
        failures.append(failure)
    }
}

extension GroupOfRuns {
    /// The sums of all runs.
    package struct Totals: Sendable, Equatable {
        /// Records past their time, and what became of them.
        package var totalFound = 0, cleanedUp = 0, retried = 0, skipped = 0, failed = 0, stalled = 0
        /// All refunded tokens, and bytes freed in object storage.
        package var tokensRefunded: Amount = 0, bytesFreed: Int64 = 0
        /// Objects to delete that did not exist.
        package var absent = 0
        /// The duration of all runs.
        package var durationMs: Int64 = 0
        /// The changes by action.
        package var actions: [String: Int] = [:]
        /// Records that were cancelled, as distinct from warned and marked ones.
        package var cancelled: Int { actions["cancel", default: 0] }
    }

    /// The sums of all runs.
    package var totals: Totals {
        results.reduce(into: Totals()) { sum, result in
            sum.totalFound += result.totalFound
            sum.cleanedUp += result.cleanedUp
            sum.retried += result.retried
            sum.skipped += result.skipped
            sum.failed += result.failed
            sum.stalled += result.stalled
            sum.tokensRefunded += result.tokensRefunded
            sum.bytesFreed &+= result.bytesFreed
            sum.absent += result.absent
            sum.durationMs &+= result.durationMs
            sum.actions.merge(result.actions, uniquingKeysWith: +)
        }
    }

    /// The group as it is answered.
    package struct Summary: Sendable, Encodable {
        /// Whether every run succeeded, and the results in sentences.
        package var success: Bool, message: String
        /// The sums of all runs.
        package var totalFound: Int, cleanedUp: Int, retried: Int, skipped: Int, failed: Int, stalled: Int
        /// The sums of tokens and bytes.
        package var tokensRefunded: Amount, bytesFreed: Int64
        /// Objects that did not exist.
        package var absent: Int
        /// The duration of all runs.
        package var durationMs: Int64
        /// The changes by action.
        package var actions: [String: Int]
        /// Records that were cancelled.
        package var cancelledCount: Int
        /// The results, in the order of the runs.
        package var results: [RunResult]
        /// The cleanups that were not run.
        package var notRun: [NotRun]
    }

    /// A cleanup that was not run, and why.
    package struct NotRun: Sendable, Encodable {
        /// The cleanup, and the reason.
        package var cleanup: String, error: String
    }

    /// The group as it is answered.
    package var summary: Summary {
        let totals = totals
        return Summary(
            success: isSuccess, message: message, totalFound: totals.totalFound, cleanedUp: totals.cleanedUp,
            retried: totals.retried, skipped: totals.skipped, failed: totals.failed, stalled: totals.stalled,
            tokensRefunded: totals.tokensRefunded, bytesFreed: totals.bytesFreed, absent: totals.absent,
            durationMs: totals.durationMs, actions: totals.actions, cancelledCount: totals.cancelled, results: results,
            notRun: refused.map { NotRun(cleanup: $0.id, error: $0.error) })
    }
}

internal import Curfew
internal import Foundation
internal import HTTPTypes
internal import Policies

/// The answers of existing routes about consecutive runs.
extension GroupOfRuns {
    /// The answer of `POST /api/admin/jobs/cleanup`.
    struct Answer: Encodable {
        struct Result: Encodable {
            var totalFound: Int, cleanedUp: Int, failed: Int
            var tokensRefunded: Amount
            var jobs: [RunResult.Entry]
            var errors: [RunResult.Failure]
            /// If there are cleanups of files: how many were deleted, and how many were not because of errors.
            var deletedCount: Int?, failedCount: Int?
        }

        var success: Bool
        var result: Result
        var message: String
    }

    func answer(_ configuration: Configuration) -> Answer {
        let totals = totals
        let files = results.filter { $0.deletedCount != nil }
        return Answer(
            success: isSuccess,
            result: .init(
                totalFound: totals.totalFound, cleanedUp: totals.cleanedUp, failed: totals.failed,
                tokensRefunded: totals.tokensRefunded,
                jobs: Array(results.flatMap(\.records).prefix(RunResult.listed)),
                errors: Array(errors.prefix(RunResult.listed)),
                deletedCount: files.isEmpty ? nil : files.reduce(0) { $0 + ($1.deletedCount ?? 0) },
                failedCount: files.isEmpty ? nil : files.reduce(0) { $0 + ($1.failedCount ?? 0) }),
            message: successMessage(configuration) ?? message)
    }

    /// What callers look for after runs that cleaned up jobs without errors; nil for any others.
    private func successMessage(_ configuration: Configuration) -> String? {
        let isAboutJobs = results.allSatisfy { result in
            configuration.cleanup(named: result.cleanup).map { configuration.work(of: $0) == .jobs } ?? false
        }
        guard !results.isEmpty, isAboutJobs, status == .completed, !results.contains(where: \.dryRun) else {
            return nil
        }
        let (jobs, tokens) = (totals.cleanedUp, totals.tokensRefunded)
        return "Successfully cleaned up \(jobs) stuck \(jobs == 1 ? "job" : "jobs") and refunded \(tokens) "
            + (tokens == 1 ? "token" : "tokens")
    }

    /// The answer of `POST /api/jobs/run`.
    struct JobAnswer: Codable {
        /// One job that was cleaned up.
        struct Detail: Codable {
            var job_id: String, job_type: String, status: String
            var timeout_minutes: Double, elapsed_minutes: Double

            init(_ entry: RunResult.Entry) {
                (job_id, job_type, status) = (entry.id, entry.type, entry.to)
                (timeout_minutes, elapsed_minutes) = (Self.minutes(entry.timeoutMs), Self.minutes(entry.ageMs))
            }

            /// Minutes to two decimals.
            private static func minutes(_ milliseconds: Int64) -> Double {
                (Double(milliseconds) / 600).rounded() / 100
            }
        }

        var status: String
        var cleaned_jobs = 0
        var cleaned_job_details: [Detail] = []
        var old_jobs_deleted = 0
        var old_downloads_deleted = 0
        var stuck_plans_updated = 0
        var stuck_generations_fixed = 0
        var expired_locks_removed = 0
        var files_deleted = 0
        var batches_cancelled = 0
        var errors: [String]
    }

    /// The counts by kind of work: ``WorkKind``.
    func jobAnswer(_ configuration: Configuration) -> JobAnswer {
        // Callers know no other status for what didn't succeed.
        var answer = JobAnswer(
            status: (isSuccess ? status : .failed).rawValue,
            errors: errors.prefix(RunResult.listed).map { "\($0.id): \($0.error)" })
        for result in results {
            guard let cleanup = configuration.cleanup(named: result.cleanup) else { continue }
            switch configuration.work(of: cleanup) {
            case .jobs:
                answer.cleaned_jobs += result.cleanedUp
                let room = RunResult.listed - answer.cleaned_job_details.count
                answer.cleaned_job_details += result.records.prefix(room).map(JobAnswer.Detail.init)
            case .plans: answer.stuck_plans_updated += result.cleanedUp
            case .history: answer.old_jobs_deleted += result.cleanedUp
            case .downloads: answer.old_downloads_deleted += result.cleanedUp
            case .generations: answer.stuck_generations_fixed += result.cleanedUp
            case .locks: answer.expired_locks_removed += result.cleanedUp
            case .files: answer.files_deleted += result.cleanedUp
            // A dry run tells what it would have done.
            case .batches where !result.dryRun: answer.batches_cancelled += result.actions["cancel", default: 0]
            case .batches, .other: break
            }
        }
        return answer
    }
}

extension AdminService {
    /// Runs cleanups one after the other.
    ///
    /// A failure of one (no lease, no Redis) doesn't stop the others.
    ///
    /// Throws only if none could be run, unless the group is published.
    ///
    /// - Parameters:
    /// - type: the name that was asked for.
    /// - published: the group as callers see it, if they don't wait for its end.
    /// - options: the options for a cleanup.
    func runAll(
        _ cleanups: [Cleanup], type: String, trigger: String, by person: String, published: PublishedGroup? = nil,
        options: (Cleanup) -> Control.RunOptions = { _ in .init() }
    ) async throws -> GroupOfRuns {
        let begin = ContinuousClock.now
        let engine = engine
        var group = GroupOfRuns()
        for (number, cleanup) in cleanups.enumerated() {
            if let obstacle = published?.obstacle {
                group.leaveOut(cleanup, because: obstacle)
                continue
            }
            published?.reached(number)
            await group.add(cleanup, reason: { ($0 as? AdminError)?.message ?? "\($0)" }) {
                try await run(cleanup.name, options(cleanup), trigger: trigger, by: person) { published?.began($0) }
            }
        }
        await group.measure(engine, type: type, trigger: trigger, duration: begin.duration(to: .now))
        if published == nil, group.results.isEmpty, let first = group.failures.first { throw first }
        return group
    }
}

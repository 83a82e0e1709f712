internal import Curfew
internal import HTTPTypes
internal import Policies

/// The answers of existing routes about consecutive runs.
extension GroupOfRuns {
    /// The answer of `POST /api/admin/jobs/cleanup`.
    struct Answer: Encodable {
        struct Result: Encodable {
            var totalFound: Int, cleanedUp: Int, failed: Int
            var tokensRefunded: Int64
            var jobs: [RunResult.Entry]
            var errors: [RunResult.Failure]
        }

        var success: Bool
        var result: Result
        var message: String
    }

    var answer: Answer {
        let totals = totals
        return Answer(
            success: isSuccess,
            result: .init(
                totalFound: totals.totalFound, cleanedUp: totals.cleanedUp, failed: totals.failed,
                tokensRefunded: totals.tokensRefunded,
                jobs: Array(results.flatMap(\.records).prefix(RunResult.listed)),
                errors: Array(errors.prefix(RunResult.listed))),
            message: message)
    }

    /// The answer of `POST /api/jobs/run`.
    struct JobAnswer: Encodable {
        var status: String
        var cleaned_jobs: Int
        var cleaned_job_details: [RunResult.Entry]
        var old_jobs_deleted: Int
        var old_downloads_deleted: Int
        var stuck_plans_updated: Int
        var errors: [String]
    }

    /// The policy decides what a run counts as: `stuck` cleans up jobs, `dependent` updates plans, and `retention`
    /// deletes old jobs if a `stuck` cleanup has the same records, otherwise old downloads.
    func jobAnswer(_ configuration: Configuration) -> JobAnswer {
        var answer = JobAnswer(
            status: "completed", cleaned_jobs: 0, cleaned_job_details: [], old_jobs_deleted: 0,
            old_downloads_deleted: 0,
            stuck_plans_updated: 0, errors: errors.prefix(RunResult.listed).map { "\($0.id): \($0.error)" })
        if !errors.isEmpty || !isSuccess { answer.status = isSuccess ? "completed_with_errors" : "failed" }
        let jobs = configuration.cleanups.filter { $0.kind == .stuck }.map(\.records.text)
        for result in results {
            guard let cleanup = configuration.cleanup(named: result.cleanup) else { continue }
            switch cleanup.kind {
            case .stuck:
                answer.cleaned_jobs += result.cleanedUp
                answer.cleaned_job_details += result.records
            case .dependent: answer.stuck_plans_updated += result.cleanedUp
            case .retention where jobs.contains(cleanup.records.text): answer.old_jobs_deleted += result.cleanedUp
            case .retention: answer.old_downloads_deleted += result.cleanedUp
            default: break
            }
        }
        answer.cleaned_job_details = Array(answer.cleaned_job_details.prefix(RunResult.listed))
        return answer
    }
}

extension AdminService {
    /// Runs cleanups one after the other.
    ///
    /// A failure of one (no lease, no Redis) doesn't stop the others.
    ///
    /// Throws only if none could be run.
    func runAll(
        _ cleanups: [Cleanup], _ options: Control.RunOptions, trigger: String, by person: String
    ) async throws -> GroupOfRuns {
        var group = GroupOfRuns()
        for cleanup in cleanups {
            await group.add(cleanup, reason: { ($0 as? AdminError)?.message ?? "\($0)" }) {
                try await run(cleanup.name, options, trigger: trigger, by: person)
            }
        }
        if group.results.isEmpty, let first = group.failures.first { throw first }
        return group
    }
}

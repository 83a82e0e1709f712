import Curfew

/// Fails jobs that take too long and pays back what they cost, as the built-in policy `stuck` does.
///
/// Bench/custom measures one beside the other.
struct LateJob: Policy {
    static let name = "late-job"
    static let keys = ["late"]

    let timeout: Duration
    let refund: PolicyRefund?

    init?(reading section: PolicySection) throws {
        guard let late = section.duration("late", required: true) else { return nil }
        timeout = late
        refund = PolicyRefund(
            amount: "tokensCost", since: "processingStartedAt",
            balance: try PolicyTemplate("user:<userId>:tokens"), ledger: try PolicyTemplate("user:<userId>:refunds"))
    }

    var meaning: String { "fails jobs that take too long" }
    var reads: [PolicyRead] { [.field("updatedAt")] }
    var writes: [PolicyWrite] { [.field("status"), .field("error"), .field("finishedAt")] }

    func verdict(on job: PolicyRecord, at now: PolicyTime) throws -> PolicyVerdict {
        guard let status = job["status"], status == "PROCESSING" else { return .drop(because: "it is not processed") }
        guard let started = try job.time("processingStartedAt") ?? job.time("updatedAt") else {
            throw PolicyError("processingStartedAt is missing")
        }
        guard now >= started + job.timeout else {
            return .leave(until: started + job.timeout, because: "started \(started)")
        }
        // To the second, and with the time-out, as `stuck` says it: both are to write the same.
        let stuck = "stuck in PROCESSING for \((now - started).components.seconds)s"
        let second = PolicyTime(milliseconds: started.milliseconds / 1_000 * 1_000)
        let limit = "timeout \(job.timeout.components.seconds)s"
        return .change(
            PolicyChange(
                .fail, reason: "\(stuck): processingStartedAt was \(second), \(limit)",
                guards: job.unchanged("processingStartedAt"),
                effects: [
                    .set("status", to: "FAILED"), .set("error", to: "\(stuck) (\(limit))"),
                    .set("finishedAt", to: job.text(for: now, like: "processingStartedAt")), .refund,
                ],
                from: status, to: "FAILED", age: now - started, limit: job.timeout))
    }
}

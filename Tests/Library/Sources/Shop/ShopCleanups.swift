import Curfew

/// What is cleaned up in the shop.
public enum ShopCleanups {
    /// The cleanups, in code.
    public static func configuration(redis: String) -> CurfewConfiguration {
        var retry = CurfewConfiguration.Retry(limit: 1, to: "QUEUED", queue: "jobs:queued")
        retry.window = .seconds(3_600)
        let stuck = CurfewConfiguration.Stuck(
            states: ["PROCESSING"], since: ["startedAt"], timeout: .after(.seconds(300)), to: "FAILED", retry: retry,
            refund: .init(amount: "cost", balance: "user:<userId>:tokens", ledger: "user:<userId>:refunds"))
        var jobs = CurfewConfiguration.Cleanup(
            "stuck-jobs", records: "job:<id>", every: .seconds(60), policy: .stuck(stuck))
        jobs.index = "jobs:deadlines"
        let failing = CurfewConfiguration.Alert("jobs-fail", on: "stuck-jobs", "changed", .above(10))
        return CurfewConfiguration(redis: redis, cleanups: [jobs], alerts: [failing])
    }
}

/// The configuration that the demo's instances run: short times, so that everything happens while somebody watches.
enum DemoConfiguration {
    /// How long a lease lasts.
    static let lease = Duration.seconds(3)

    /// The file's text for a Redis at this URL.
    static func text(redis: String) -> String {
        """
        redis: "\(redis)"
        worker: {lease: \(lease.components.seconds)s, heartbeat: 1s}

        cleanups:
          stuck-jobs:
            policy: stuck
            every: 2s
            records: job:<id>
            index: jobs:deadlines
            states: [PROCESSING]
            since: [processingStartedAt, updatedAt]
            heartbeat: heartbeatAt
            timeout: 5m
            timeouts: {by: tier, TIER_4K: 20m}
            alive: worker:<workerId>:alive
            completed-when: resultUrl
            retry: {limit: 2, window: 72h, to: QUEUED, queue: jobs:queued}
            to: FAILED
            refund: {amount: tokensCost, balance: user:<userId>:tokens, ledger: user:<userId>:refunds}
            page: 20  # small steps, so that there is something to see

          stuck-generations:
            policy: counters
            every: 2s
            records: generation:<id>
            states: [queuing, processing]
            since: [updated_at]
            timeout: 3h
            total: total_requested
            counters: {queued: queued, processing: processing, completed: completed, failed: failed}

          generation-locks:
            policy: locks
            every: 2s
            records: "lock:generation:<id>"
            since: [acquired_at]
            timeout: 3h
            alive: worker:<owner>:alive

          file-locks:  # plain strings: their age counts from when they are first seen
            policy: locks
            every: 2s
            records: "lock:file:<id>"
            timeout: 4s
            alive: worker:<value>:alive

        alerts:
          many-stuck: {cleanup: stuck-jobs, metric: found, above: 1000, severity: critical}
          malformed: {cleanup: "*", metric: failed, above: 0, severity: warning}

        """
    }
}

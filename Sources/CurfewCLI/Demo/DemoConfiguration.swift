internal import Curfew
internal import Policies

/// The configuration of the demo's instances.
///
/// Its times are short, so that everything happens while the user watches.
enum DemoConfiguration {
    /// The text of the file for a Redis at this URL and for a bucket.
    ///
    /// Without a bucket, the files can only be previewed: their cleanup is disabled, and its storage doesn't exist.
    static func text(redis: String, store: EmbeddedStore?, pace: DemoPace = .usual) -> String {
        """
        redis: "\(redis)"
        worker: {lease: \(pace.lease.text), heartbeat: \(pace.heartbeat.text)}
        http: {listen: "127.0.0.1:0", open: true}  # any free port; open to this machine, for demos only
        storage:
          uploads:
            endpoint: "\(store?.endpoint ?? "http://127.0.0.1:1")"
            region: us-east-1
            bucket: \(EmbeddedStore.bucket)
            access-key: "\(store?.accessKey ?? "none")"
            secret-key: "\(store?.secretKey ?? "none")"

        cleanups:
        \(pace.applied(to: jobs))
        \(pace.applied(to: waiting))
        \(pace.applied(to: removal))
            enabled: \(store != nil)

        alerts:
          many-stuck: {cleanup: stuck-jobs, metric: found, above: 1000, severity: critical}
          malformed: {cleanup: "*", metric: failed, above: 0, severity: warning}

        """
    }

    /// What is stuck: jobs, groups of tasks, locks.
    private static let jobs = """
          stuck-jobs:
            policy: stuck
            every: EVERY
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
            page: PAGE  # small steps, so that there is something to see

          stuck-generations:
            policy: counters
            every: EVERY
            records: generation:<id>
            states: [queuing, processing]
            since: [updated_at]
            timeout: 3h
            total: total_requested
            counters: {queued: queued, processing: processing, completed: completed, failed: failed}

          generation-locks:
            policy: locks
            every: EVERY
            records: "lock:generation:<id>"
            since: [acquired_at]
            timeout: 3h
            alive: worker:<owner>:alive

          file-locks:  # plain strings: their age counts from the first time they are seen
            policy: locks
            every: EVERY
            records: "lock:file:<id>"
            timeout: FIRST_SEEN
            alive: worker:<value>:alive

        """

    /// What waits: for its owner, or for a job.
    private static let waiting = """
          paused-batches:
            policy: paused
            every: EVERY
            records: batch:<id>
            index: batches:paused
            states: [paused]
            since: [updatedAt]
            stale: 7d
            warn: 23d
            timeout: 30d
            to: cancelled

          stuck-plans:
            policy: dependent
            every: EVERY
            records: plan:<id>
            index: plans:pending
            states: [PENDING]
            since: [updatedAt]
            grace: 5m
            parent: job:<jobId>
            parent-states: [QUEUED, PENDING, RUNNING, PROCESSING]
            to: DRAFT

        """

    /// What is removed: history, and files with their objects.
    private static let removal = """
          old-jobs:
            policy: retention
            every: EVERY
            records: job:<id>
            index: jobs:finished
            states: [COMPLETED, FAILED, CANCELLED]
            since: [completedAt]
            keep: 30d
            also: ["job:<id>:log"]

          old-downloads:
            policy: retention
            every: EVERY
            records: download:<id>
            since: [timestamp]
            keep: 14d
            guard: {share: 25%, beyond: 100}

          files:
            policy: files
            every: EVERY
            records: file:<id>
            since: [uploadedAt]
            orphan: {unless: entityId, after: 24h}
            deleted: {since: deletedAt, after: 7d}
            storage: uploads
            object: r2Key
            size: size
        """
}

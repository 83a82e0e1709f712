import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

@Suite("Configuration", .tags(.pure))
struct ConfigurationTests {
    /// The example of the design, with what this version has.
    static let example = #"""
        redis: redis://127.0.0.1:6379/0        # rediss:// TLS
        prefix: curfew
        worker: {lease: 15s, heartbeat: 10s, concurrency: 4}
        streams: {metrics: 7d, events: 24h}

        cleanups:
          stuck-jobs:
            policy: stuck
            every: 15m
            records: job:<id>
            index: jobs:deadlines              # left out: Curfew indexes by itself
            states: [PROCESSING]
            since: [processingStartedAt, updatedAt]
            heartbeat: heartbeatAt
            timeout: 5m
            timeouts: {by: tier, TIER_4K: 20m}
            alive: worker:<workerId>:alive     # while this key exists the job counts as running
            completed-when: resultUrl
            retry: {limit: 2, window: 72h, to: QUEUED, queue: jobs:queued}
            to: FAILED
            refund: {amount: tokensCost, balance: user:<userId>:tokens, ledger: user:<userId>:refunds}

          stuck-generations:
            policy: counters
            every: 30m
            records: generation:<id>
            states: [queuing, processing]
            since: [updated_at]
            timeout: 3h
            total: total_requested
            counters: {queued: queued, processing: processing, completed: completed, failed: failed}

          generation-locks: {policy: locks, cron: "0 4 * * *", timezone: Europe/Berlin, records: "lock:generation:<id>",
            since: [acquired_at], timeout: 3h}

        alerts:
          many-stuck:   {cleanup: stuck-jobs, metric: found, above: 10, severity: warning}
          refunds:      {cleanup: stuck-jobs, metric: refunded, above: 1000, over: 1h, severity: critical}
          failing:      {cleanup: "*", metric: failed, above: 0, over: 3 runs}
          not-running:  {cleanup: "*", metric: overdue, above: 10m, severity: critical}
        """#

    private func example() throws -> Configuration {
        try Configuration.parse(Self.example, file: "curfew.yaml", environment: [:])
    }

    @Test("the example of the design reads as what it says")
    func wholeExample() throws {
        let configuration = try example()
        #expect(configuration.redis.redacted == (try RedisConfiguration(url: "redis://127.0.0.1:6379/0")).redacted)
        #expect(configuration.prefix == "curfew")
        #expect(configuration.worker == Configuration.Worker())
        #expect(configuration.streams == Configuration.Streams())
        #expect(configuration.cleanups.map(\.name) == ["stuck-jobs", "stuck-generations", "generation-locks"])
    }

    @Test("a stuck policy gets each of its values")
    func stuckPolicy() throws {
        let cleanup = try #require(try example().cleanup(named: "stuck-jobs"))
        var expected = StuckPolicy(
            states: ["PROCESSING"], since: ["processingStartedAt", "updatedAt"], heartbeat: "heartbeatAt",
            timeout: .seconds(300), timeouts: .init(by: "tier", byType: ["TIER_4K": .seconds(1200)]),
            alive: Liveness(try KeyTemplate("worker:<workerId>:alive")), completedWhen: "resultUrl",
            retry: .init(
                limit: 2, window: .seconds(72 * 3600), to: "QUEUED", queue: .init(key: try KeyTemplate("jobs:queued"))),
            to: "FAILED",
            refund: .init(
                amount: "tokensCost", balance: try KeyTemplate("user:<userId>:tokens"),
                ledger: try KeyTemplate("user:<userId>:refunds")))
        expected.origin.cleanup = "stuck-jobs"
        #expect(values(of: cleanup.policy) == values(of: expected))
        #expect(cleanup.records.text == "job:<id>")
        #expect(cleanup.index == "jobs:deadlines")
        #expect(cleanup.scan == nil)
        #expect(cleanup.schedule == .every(.seconds(900)))
        #expect(cleanup.longestTimeout == .seconds(1200))
        #expect(cleanup.isEnabled && !cleanup.isDryRun)
        #expect(cleanup.limit == nil && cleanup.page == nil && cleanup.misfireGrace == nil)
        #expect(cleanup.runTimeout == .seconds(300) && cleanup.undo == .seconds(86_400))
    }

    @Test("a counters policy gets each of its values")
    func countersPolicy() throws {
        let cleanup = try #require(try example().cleanup(named: "stuck-generations"))
        let expected = CountersPolicy(
            states: ["queuing", "processing"], since: ["updated_at"], timeout: .seconds(3 * 3600),
            total: "total_requested", counters: .init())
        #expect(values(of: cleanup.policy) == values(of: expected))
        #expect(cleanup.index == nil && cleanup.scan == .seconds(3600))
    }

    @Test("a locks policy gets each of its values")
    func locksPolicy() throws {
        let cleanup = try #require(try example().cleanup(named: "generation-locks"))
        let expected = LocksPolicy(since: ["acquired_at"], timeout: .seconds(3 * 3600))
        #expect(values(of: cleanup.policy) == values(of: expected))
        #expect(cleanup.schedule.description == "0 4 * * * (Europe/Berlin)")
    }

    @Test("alerts get each of their values, and one canonical line")
    func alerts() throws {
        let alerts = try example().alerts
        #expect(
            alerts == [
                AlertDefinition(name: "many-stuck", cleanup: "stuck-jobs", metric: .found, threshold: 10),
                AlertDefinition(
                    name: "refunds", cleanup: "stuck-jobs", metric: .refunded, threshold: 1000,
                    over: .time(.seconds(3600)), severity: .critical),
                AlertDefinition(name: "failing", metric: .failed, threshold: 0, over: .runs(3)),
                AlertDefinition(name: "not-running", metric: .overdue, threshold: 600_000, severity: .critical),
            ])
        #expect(
            alerts.map(\.definitionText) == [
                "found > 10", "refunded > 1000 over 1h", "failed > 0 over 3 runs", "overdue > 10m",
            ])
        #expect(alerts[0].watches("stuck-jobs") && !alerts[0].watches("other") && alerts[2].watches("other"))
        #expect(alerts[0].isCrossed(by: 11) && !alerts[0].isCrossed(by: 10))
    }

    @Test("every optional key is read")
    func optionalKeys() throws {
        let text = """
            redis: redis://127.0.0.1:6379
            prefix: app
            worker: {lease: 300ms, heartbeat: 100ms, concurrency: 64}
            streams: {runs: 1d, metrics: 2d, alerts: 3d, events: 4d, length: 5}
            cleanups:
              a:
                policy: counters
                records: g:<id>
                every: 1s
                index: due
                scan: 2h
                status: state
                format: hash
                enabled: false
                dry-run: true
                limit: 7
                page: 20
                run-timeout: 30s
                misfire-grace: 5m
                undo: 2h
                states: open
                since: at
                timeout: 1m
                total: all
                counters: {queued: q, processing: p, completed: c, failed: f}
                members: {set: "g:<id>:tasks", record: "t:<id>", status: s, queued: [q, w], processing: p, completed: c, failed: f}
                completed-to: DONE
                failed-to: BROKEN
                stalled: fail
            """
        let configuration = try Configuration.parse(text, file: "c", environment: [:])
        let days = { Duration.seconds($0 * 86_400) }
        #expect(configuration.prefix == "app")
        #expect(
            configuration.worker
                == .init(lease: .milliseconds(300), heartbeat: .milliseconds(100), concurrency: 64))
        #expect(
            configuration.streams == .init(runs: days(1), metrics: days(2), alerts: days(3), events: days(4), length: 5)
        )
        let cleanup = try #require(configuration.cleanups.first)
        #expect(!cleanup.isEnabled && cleanup.isDryRun && cleanup.limit == 7 && cleanup.page == 20)
        #expect(cleanup.runTimeout == .seconds(30) && cleanup.misfireGrace == .seconds(300))
        #expect(cleanup.undo == .seconds(7200) && cleanup.scan == .seconds(7200) && cleanup.statusField == "state")
        let expected = CountersPolicy(
            status: "state", states: ["open"], since: ["at"], timeout: .seconds(60), total: "all",
            counters: .init(queued: "q", processing: "p", completed: "c", failed: "f"),
            members: .init(
                .set, try KeyTemplate("g:<id>:tasks"), record: try KeyTemplate("t:<id>"), status: "s",
                queued: ["q", "w"], processing: ["p"], completed: ["c"], failed: ["f"]),
            completedTo: "DONE", failedTo: "BROKEN", stalledFails: true)
        #expect(values(of: cleanup.policy) == values(of: expected))
    }

    @Test("records are hashes unless the file says JSON, and JSON locks need to say since when")
    func format() throws {
        let text = """
            redis: redis://127.0.0.1:6379
            cleanups:
              a: {policy: locks, records: "l:<id>", every: 1m, timeout: 1m}
              b: {policy: locks, records: "l:<id>", every: 1m, timeout: 1m, format: json, since: held.at}
            """
        let configuration = try Configuration.parse(text, file: "c", environment: [:])
        #expect(configuration.cleanups.map(\.format) == [.hash, .json])
        #expect(configuration.cleanups.map(\.recordType) == [nil, "string"])
        do {
            let untimed = text.replacing(", since: held.at", with: "")
            _ = try Configuration.parse(untimed, file: "c", environment: [:])
            Issue.record("expected a problem")
        } catch {
            #expect(
                "\(error)".contains(
                    "cleanups.b.since: missing, expected the field with the time of the acquisition (format is json)"))
        }
    }

    @Test("events are kept at least as long as the longest undo")
    func eventsOutliveUndo() throws {
        let text = """
            redis: redis://127.0.0.1:6379
            cleanups:
              a: {policy: locks, records: "l:<id>", every: 1m, timeout: 1m, undo: 3d}
            """
        let configuration = try Configuration.parse(text, file: "c", environment: [:])
        #expect(configuration.streams.events == .seconds(3 * 86_400))
    }

    @Test("a timeout for one run replaces those of the policy and nothing else")
    func overriddenTimeout() throws {
        let cleanup = try #require(try example().cleanup(named: "stuck-jobs"))
        let overridden = cleanup.with(timeout: .seconds(1))
        #expect(overridden.policy.timeoutOverride == .seconds(1))
        #expect(overridden.longestTimeout == .seconds(1200))
        #expect(cleanup.policy.timeoutOverride == nil)
    }

    @Test("a secret doesn't print")
    func secret() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(["token": secret], to: &dumped)
        #expect("\(secret) \(String(reflecting: secret)) \([secret])" == "••• ••• [•••]")
        #expect(!dumped.contains("hunter2"))
        #expect(secret.revealed == "hunter2")
    }
}

/// All that a policy is made of, in an order that doesn't change: sets and dictionaries sorted.
private func values(of value: Any) -> String {
    let mirror = Mirror(reflecting: value)
    guard !mirror.children.isEmpty else { return String(reflecting: value) }
    let parts = mirror.children.map { "\($0.label ?? ""): \(values(of: $0.value))" }
    let isUnordered = mirror.displayStyle == .set || mirror.displayStyle == .dictionary
    return "\(mirror.subjectType)(\((isUnordered ? parts.sorted() : parts).joined(separator: ", ")))"
}

import Foundation
import Policies
import TestNeeds
import Testing

@testable import Curfew

@Suite("a configuration in code", .tags(.pure))
struct LibraryConfigurationTests {
    typealias Code = CurfewConfiguration

    /// The largest example of the reference, in code.
    private static var example: Code {
        var stuck = Code.Stuck(
            states: ["PROCESSING"], since: ["processingStartedAt", "updatedAt"],
            timeout: .after(.seconds(300)),
            to: "FAILED")
        stuck.heartbeat = "heartbeatAt"
        stuck.types = .init(by: "tier", ["TIER_4K": .seconds(1_200)])
        stuck.alive = "worker:<workerId>:alive"
        (stuck.completedWhen, stuck.completedTo) = ("resultUrl", "COMPLETED")
        var retry = Code.Retry(
            limit: 2, to: "QUEUED", queue: "jobs:queued", window: .seconds(72 * 3_600))
        retry.attempts = "attempts"
        stuck.retry = retry
        stuck.refund = .init(
            amount: "tokensCost", balance: "user:<userId>:tokens", ledger: "user:<userId>:refunds")
        var jobs = Code.Cleanup(
            "stuck-jobs", records: "job:<id>", every: .seconds(900), policy: .stuck(stuck))
        (jobs.index, jobs.scan) = ("jobs:deadlines", .seconds(3_600))
        (jobs.runTimeout, jobs.undo) = (.seconds(300), .seconds(86_400))
        var counters = Code.Counters(
            states: ["queuing", "processing"], since: "updated_at", timeout: .seconds(10_800),
            total: "total_requested",
            counters: [
                "queued": "queued", "processing": "processing", "completed": "completed",
                "failed": "failed",
            ])
        counters.members = ["set": "generation:<id>:tasks", "record": "task:<id>", "status": "status"]
        let generations = Code.Cleanup(
            "stuck-generations", records: "generation:<id>", every: .seconds(1_800),
            policy: .counters(counters))
        let locks = Code.Locks(
            since: "acquired_at", timeout: .after(.seconds(10_800)), alive: "worker:<owner>:alive")
        var locking = Code.Cleanup(
            "generation-locks", records: ["lock:generation:<id>"],
            schedule: .cron("0 4 * * *", timezone: "Europe/Berlin"), policy: .locks(locks))
        locking.misfireGrace = .seconds(7_200)
        var content = Code.Content(
            redis: "redis://127.0.0.1:6379/0", cleanups: [jobs, generations, locking])
        content.alerts = [
            .init("many-stuck", on: "stuck-jobs", "found", .above(10), severity: .warning),
            .init("failing", "failed", .above(0), over: .runs(3)),
            .init("not-running", "overdue", .above(.seconds(600)), severity: .critical),
        ]
        content.webhooks = [
            .init("ops", url: "https://ops.example/hook", secret: "s", on: [.alert, .runFailed])
        ]
        content.storage = [
            .init(
                "uploads", endpoint: "https://s3.example", bucket: "uploads", accessKey: "a", secretKey: "b"
            )
        ]
        content.routes = ["nightly": ["stuck-jobs", "generation-locks"]]
        content.worker = .init(lease: .seconds(20), concurrency: 2)
        content.streams = .init(events: .seconds(172_800))
        return Code(content)
    }

    private static let yaml = """
        redis: redis://127.0.0.1:6379/0
        worker: {lease: 20s, concurrency: 2}
        streams: {events: 48h}
        storage:
          uploads: {endpoint: "https://s3.example", bucket: uploads, access-key: a, secret-key: b}
        webhooks: {ops: {url: "https://ops.example/hook", secret: s, on: [alert, run-failed]}}
        cleanups:
          stuck-jobs:
            policy: stuck
            every: 15m
            records: job:<id>
            index: jobs:deadlines
            scan: 1h
            states: [PROCESSING]
            since: [processingStartedAt, updatedAt]
            heartbeat: heartbeatAt
            timeout: 5m
            types: {by: tier, TIER_4K: 20m}
            alive: worker:<workerId>:alive
            completed-when: resultUrl
            completed-to: COMPLETED
            retry: {limit: 2, window: 72h, to: QUEUED, queue: jobs:queued, attempts: attempts}
            to: FAILED
            refund: {amount: tokensCost, balance: user:<userId>:tokens, ledger: user:<userId>:refunds}
            run-timeout: 5m
            undo: 24h
          stuck-generations:
            policy: counters
            every: 30m
            records: generation:<id>
            states: [queuing, processing]
            since: [updated_at]
            timeout: 3h
            total: total_requested
            counters: {queued: queued, processing: processing, completed: completed, failed: failed}
            members: {set: "generation:<id>:tasks", record: "task:<id>", status: status}
          generation-locks:
            policy: locks
            cron: "0 4 * * *"
            timezone: Europe/Berlin
            misfire-grace: 2h
            records: "lock:generation:<id>"
            since: [acquired_at]
            timeout: 3h
            alive: worker:<owner>:alive
        routes: {nightly: [stuck-jobs, generation-locks]}
        alerts:
          many-stuck:   {cleanup: stuck-jobs, metric: found, above: 10, severity: warning}
          failing:      {cleanup: "*", metric: failed, above: 0, over: 3 runs}
          not-running:  {cleanup: "*", metric: overdue, above: 10m, severity: critical}
        """

    @Test("values in code mean the same as the file with the same content, to the fingerprint")
    func same() throws {
        let code = try Self.example.resolved()
        let file = try Code.yaml(Self.yaml, environment: [:]).resolved()
        #expect(code.fingerprint == file.fingerprint)
        #expect(code.cleanups.map(\.fingerprint) == file.cleanups.map(\.fingerprint))
        #expect(
            code.alerts == file.alerts && code.routes == file.routes && code.streams == file.streams)
        #expect(Self.example.validate().isEmpty)
    }

    @Test("each policy can be said in code")
    func policies() throws {
        let paused = Code.Paused(states: ["PAUSED"], since: "pausedAt", stale: .seconds(60))
        let dependent = Code.Dependent(
            states: ["WAITING"], since: "at", parent: "job:<jobId>", parentStates: ["RUNNING"],
            to: "FAILED")
        let retention = Code.Retention(
            states: ["DONE"], since: "endedAt", keep: .field("keep", unit: "d"), also: ["log:<id>"])
        var files = Code.Files(storage: "uploads", object: "key", since: "at")
        files.orphanUnless = "owner"
        var content = Code.Content(
            redis: "redis://127.0.0.1:6379/0",
            cleanups: [
                .init("a", records: "batch:<id>", every: .seconds(60), policy: .paused(paused)),
                .init("b", records: "plan:<id>", every: .seconds(60), policy: .dependent(dependent)),
                .init("c", records: "old:<id>", every: .seconds(60), policy: .retention(retention)),
                .init("d", records: "file:<id>", every: .seconds(60), policy: .files(files)),
                .init(
                    "e", records: "lock:<id>", every: .seconds(60),
                    policy: .locks(
                        .init(timeout: .after(.seconds(60)), alive: .member("<value>", of: "workers")))),
            ])
        content.storage = [
            .init(
                "uploads", endpoint: "https://s3.example", bucket: "uploads", accessKey: "a", secretKey: "b"
            )
        ]
        let kinds = try Code(content).resolved().cleanups.map(\.kind)
        #expect(kinds == [.paused, .dependent, .retention, .files, .locks])
    }

    @Test("effects and anything else of the file can be said in `more`, and a preset is one value")
    func more() throws {
        var cleanup = Code.Cleanup(
            "jobs", schedule: .every(.seconds(60)),
            policy: .stuck(.init(since: "started_at", timeout: .after(.seconds(600)))))
        (cleanup.registries, cleanup.record) = (["rq:wip:<queue>"], "rq:job:<id>")
        cleanup.more = [
            "fail": [
                "set": ["status": "failed", "tries": 3],
                "put": [["to": "rq:failed:<queue>", "score": "<now:s+1y>"]],
            ]
        ]
        let code = try Code(Code.Content(redis: "redis://127.0.0.1:6379/0", cleanups: [cleanup]))
            .resolved()
        let file = try Code.yaml(
            """
            redis: redis://127.0.0.1:6379/0
            cleanups:
              jobs:
                policy: stuck
                every: 1m
                in: rq:wip:<queue>
                record: rq:job:<id>
                since: started_at
                timeout: 10m
                fail: {set: {status: failed, tries: 3}, put: [{to: "rq:failed:<queue>", score: "<now:s+1y>"}]}
            """
        ).resolved()
        #expect(code.fingerprint == file.fingerprint)
        var content = Code.Content(redis: "redis://127.0.0.1:6379/0")
        content.presets = [.init("rq")]
        #expect(try Code(content).resolved().cleanups.isEmpty == false)
        content.presets = [.init("rq", parameters: ["queues": ["mail"]])]
        #expect(try Code(content).resolved().presets.map(\.name) == ["rq"])
    }

    @Test("every problem is named with its place, and none of them with a line or a secret")
    func problems() {
        var stuck = Code.Stuck(states: ["A"], since: "at", timeout: .after(.zero), to: "A")
        stuck.more = ["tmeout": "5m"]
        stuck.alive = .time(at: "", within: .zero)
        let content = Code.Content(
            redis: "redis://:hunter2hunter2@127.0.0.1:notaport/0",
            cleanups: [
                .init("jobs", records: "job", every: .seconds(60), policy: .stuck(stuck)),
                .init("jobs", records: "job:<id>", every: .seconds(60), policy: .named("stuk")),
            ])
        let problems = Code(content).validate()
        let texts = problems.map(\.description)
        #expect(problems.allSatisfy { $0.line == nil && $0.file == "configuration" })
        #expect(!texts.joined().contains("hunter2"))
        #expect(texts.contains("configuration: cleanups.jobs: duplicate key"))
        for path in [
            "redis", "cleanups.jobs.records", "cleanups.jobs.timeout", "cleanups.jobs.to",
            "cleanups.jobs.tmeout", "cleanups.jobs.alive.key", "cleanups.jobs.alive.within",
        ] {
            #expect(problems.contains { $0.path == path }, "\(path): \(texts.joined(separator: "\n"))")
        }
    }

    @Test(
        "an error of a file has all problems with their lines, and the same text as the command line")
    func file() {
        let configuration = Code.yaml(
            "redis: x\ncleanups: {a: {policy: stuk}}\n", name: "curfew.yaml", environment: [:])
        let error = #expect(throws: CurfewError.self) { try CurfewClient(configuration) }
        #expect(error?.code == .configuration)
        #expect(error?.problems == configuration.validate())
        #expect(error?.message.hasPrefix("curfew.yaml:1: redis: ") == true)
        #expect(error?.problems.contains { $0.line == 2 && $0.path == "cleanups.a.policy" } == true)
        let missing = #expect(throws: CurfewError.self) {
            try CurfewWorker(.file("/nowhere/curfew.yaml"))
        }
        #expect(missing?.message == "/nowhere/curfew.yaml: cannot be read: there is no such file")
    }

    @Test("a text in code is taken as it is: there are no variables in it")
    func variables() throws {
        var cleanup = Code.Cleanup.stuckForTest
        cleanup.title = "${HOME}"
        let code = try Code(redis: "redis://127.0.0.1:6379/0", cleanups: [cleanup]).resolved()
        #expect(code.cleanups[0].title == "${HOME}")
    }

    @Test("a list of one template under records means the same as that template")
    func single() throws {
        func read(_ records: String) throws -> Cleanup {
            let text = """
                redis: redis://127.0.0.1:6379/0
                cleanups:
                  jobs: {policy: stuck, every: 1m, records: \(records), states: [A], since: at, timeout: 1m, to: B}
                """
            return try Configuration.parse(text, file: "test.yaml", environment: [:]).cleanups[0]
        }
        let (scalar, list) = (try read("\"job:<id>\""), try read("[\"job:<id>\"]"))
        #expect(scalar.fingerprint == list.fingerprint)
        #expect(list.source == nil && list.records.text == scalar.records.text)
        #expect(try read("[\"job:<id>\", \"task:<id>\"]").source != nil)
    }
}

import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("alerts on runs", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(4)))
struct AlertTests {
    static let many = #"many: {cleanup: jobs, metric: found, above: 2, severity: critical}"#

    @Test("an alert fires once and resolves once, though two instances evaluate every run")
    func onceEach() async throws {
        try await withAlerts(Self.many) { alerts in
            let (one, two) = (try alerts.scene.engine("one"), try alerts.scene.engine("two"))
            for found in [2, 3, 4, 3, 2, 0, 3, 1] { try await alerts.run(found: found, one, two) }
            #expect(
                try await alerts.published() == [
                    "many:firing:jobs:3", "many:resolved:jobs:2", "many:firing:jobs:3", "many:resolved:jobs:1",
                ])
        }
    }

    @Test("an entry has every field; a resolved one tells since when it fired")
    func fields() async throws {
        try await withAlerts(Self.many) { alerts in
            let engine = try alerts.scene.engine("one")
            for found in [3, 1] { try await alerts.run(found: found, engine) }
            let entries = try await alerts.scene.stream(alerts.keys.alerts)
            try #require(entries.count == 3)
            let since = try #require(entries[1]["since_ms"])
            #expect(Int64(since) != nil)
            func lines(_ entry: StreamEntry) -> [String] { entry.fields.map { "\($0.name)=\($0.value)" } }
            let head = ["severity=critical", "cleanup=jobs", "metric=found", "op=>", "threshold=2"]
            #expect(
                lines(entries[0]) == ["alert=many", "state=threshold"] + head + [
                    "value=", "since_ms=\(entries[0]["since_ms"] ?? "")", "run=",
                    "message=many watches jobs: found > 2",
                ])
            #expect(
                lines(entries[1]) == ["alert=many", "state=firing"] + head + [
                    "value=3", "since_ms=\(since)", "run=jobs-1", "message=jobs: found 3 is above 2",
                ])
            #expect(
                lines(entries[2]) == ["alert=many", "state=resolved"] + head + [
                    "value=1", "since_ms=\(since)", "run=jobs-2", "message=jobs: found 1 is no longer above 2",
                ])
            let state = try await alerts.scene.send("HGET", alerts.keys.alert("many"), "state:jobs")
            #expect(state.string == "resolved")
        }
    }

    @Test("an alert below its threshold fires there, and resolves when the number is large enough again")
    func below() async throws {
        try await withAlerts("few: {cleanup: jobs, metric: found, below: 2}") { alerts in
            let engine = try alerts.scene.engine("one")
            for found in [2, 1, 0, 2] { try await alerts.run(found: found, engine) }
            #expect(try await alerts.published() == ["few:firing:jobs:1", "few:resolved:jobs:2"])
        }
    }

    @Test("an alert on * watches each cleanup on its own, one on a cleanup only that")
    func everyCleanup() async throws {
        try await withAlerts(#"any: {cleanup: "*", metric: found, above: 2}"#, Self.many) { alerts in
            let engine = try alerts.scene.engine("one")
            try await alerts.run("tasks", found: 3, engine)
            try await alerts.run("plans", found: 5, engine)
            try await alerts.run("jobs", found: 1, engine)
            try await alerts.run("tasks", found: 0, engine)
            #expect(
                try await alerts.published() == ["any:firing:tasks:3", "any:firing:plans:5", "any:resolved:tasks:0"])
        }
    }

    @Test("a definition is published when it is new and when it has changed, once for all instances")
    func thresholds() async throws {
        try await withAlerts(Self.many) { alerts in
            let now = try await ServerClock.read(from: alerts.scene.redis).now
            for instance in ["one", "two"] {
                try await Alerts(engine: try alerts.scene.engine(instance)).publishDefinitions(now: now)
            }
            try await alerts.run(found: 0, try alerts.scene.engine("one"))
            #expect(try await alerts.definitions() == ["many:found > 2"])
            let other = AlertScene.text("many: {cleanup: jobs, metric: found, above: 9}")
            for instance in ["one", "two"] {
                try await Alerts(engine: try alerts.scene.engine(instance, other)).publishDefinitions(now: now)
            }
            #expect(try await alerts.definitions() == ["many:found > 2", "many:found > 9"])
            #expect(try await alerts.scene.send("HGET", alerts.keys.alert("many"), "definition").string == "found > 9")
        }
    }

    @Test("a run publishes a definition that its instance has changed, and compares with the new one")
    func changedOnTheWay() async throws {
        try await withAlerts(Self.many) { alerts in
            try await alerts.run(found: 5, try alerts.scene.engine("one"))
            let other = try alerts.scene.engine(
                "one", AlertScene.text("many: {cleanup: jobs, metric: found, above: 9}"))
            try await alerts.run(found: 5, other)
            #expect(try await alerts.definitions() == ["many:found > 2", "many:found > 9"])
            #expect(try await alerts.published() == ["many:firing:jobs:5", "many:resolved:jobs:5"])
        }
    }

    @Test("over runs, the last so many of that cleanup are added up, this one included")
    func overRuns() async throws {
        try await withAlerts("many: {cleanup: jobs, metric: found, above: 5, over: 3 runs}") { alerts in
            let engine = try alerts.scene.engine("one")
            for found in [2, 2] { try await alerts.run(found: found, engine) }
            // Others' runs lie between and don't count.
            for _ in 0..<3 { try await alerts.run("tasks", found: 9, engine) }
            #expect(try await alerts.published().isEmpty)
            for found in [2, 2, 0] { try await alerts.run(found: found, engine) }
            #expect(try await alerts.published() == ["many:firing:jobs:6", "many:resolved:jobs:4"])
        }
    }

    @Test("over a time, the runs of that time are added up, further back than one page of the stream")
    func overTime() async throws {
        try await withAlerts("many: {cleanup: jobs, metric: found, above: 5, over: 1h}") { alerts in
            let engine = try alerts.scene.engine("one")
            let now = try await engine.serverClock().now
            func entry(_ age: Duration, _ number: Int, _ cleanup: String) -> RedisCommand {
                let fields = ["kind", "run", "cleanup", cleanup, "found", "4"]
                return RedisCommand("XADD", [alerts.keys.metrics, "\((now - age).milliseconds)-\(number)"] + fields)
            }
            let others = (1...1_200).map { entry(.seconds(1_800), $0, "tasks") }
            try await alerts.scene.redis.pipeline(
                [entry(.seconds(3_700), 1, "jobs"), entry(.seconds(3_500), 1, "jobs")] + others)
            try await alerts.run(found: 1, engine)
            #expect(try await alerts.published().isEmpty)
            try await alerts.run(found: 1, engine)
            #expect(try await alerts.published() == ["many:firing:jobs:6"])
        }
    }

    @Test("a run with nothing to add still resolves what an earlier window left firing")
    func windowResolves() async throws {
        try await withAlerts("many: {cleanup: jobs, metric: found, above: 2, over: 2 runs}") { alerts in
            let engine = try alerts.scene.engine("one")
            for found in [3, 0, 0] { try await alerts.run(found: found, engine) }
            #expect(try await alerts.published() == ["many:firing:jobs:3", "many:resolved:jobs:0"])
        }
    }

    @Test("stalled can't be added up over runs: the configuration says so")
    func stalledWindow() throws {
        let error = try #require(
            #expect(throws: ConfigurationError.self) {
                try Configuration.parse(
                    "redis: redis://h\n"
                        + AlertScene.text("s: {cleanup: jobs, metric: stalled, above: 1, over: 2 runs}"),
                    file: "test.yaml", environment: [:])
            })
        #expect("\(error)".contains("alerts.s.over: can't be used with stalled"))
    }

    @Test("real runs fire the alert, whichever instance makes them")
    func realRuns() async throws {
        let text = CoordinationScene.jobs + "alerts:\n  \(Self.many)\n"
        try await withInstances(text) { scene in
            for (instance, ids) in [("one", 1...3), ("two", 4...6), ("one", 7...7)] {
                try await scene.stick(ids)
                #expect(await (try scene.claim(by: try scene.engine(instance))).run.execute().status == .completed)
            }
            let states = try await scene.stream(scene.keys.alerts).map { "\($0["state"] ?? "") \($0["run"] ?? "")" }
            #expect(states == ["threshold ", "firing jobs-1", "resolved jobs-3"])
        }
    }
}

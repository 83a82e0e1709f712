import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What alerts cost Redis in a fleet.
@Suite("alerts cost no more in a fleet", .tags(.ownServer), .timeLimit(.minutes(4)))
struct AlertCostTests {
    /// How often each command was executed.
    private func calls(_ scene: CoordinationScene) async throws -> [String: Int] {
        let info = try #require(try await scene.send("INFO", "commandstats").string)
        let lines = info.split(whereSeparator: \.isNewline).compactMap {
            $0.wholeMatch(of: /cmdstat_(.*?):calls=([0-9]+),.*/)
        }
        return Dictionary(lines.map { (String($0.1), Int($0.2) ?? 0) }) { first, _ in first }
    }

    /// How many more commands there were, without those that ask for this.
    private func spent(_ scene: CoordinationScene, _ body: () async throws -> Void) async throws -> [String: Int] {
        let before = try await calls(scene)
        try await body()
        let after = try await calls(scene)
        return after.merging(before) { $0 - $1 }.filter { $0.key != "info" && $0.value > 0 }
    }

    /// Heartbeats and runs of others.
    private func others(_ count: Int, _ alerts: AlertScene) async throws {
        let fields = ["kind", "run", "cleanup", "tasks", "found", "9", "failed", "9"]
        let command = RedisCommand("XADD", [alerts.keys.metrics, "*"] + fields)
        for _ in 0..<(count / 1_000) {
            try await alerts.scene.redis.pipeline(Array(repeating: command, count: 1_000))
        }
    }

    @Test("an alert over the last runs finds them behind any number of runs of others, and reads none of these")
    func behindOthers() async throws {
        try await withAlerts("many: {cleanup: jobs, metric: found, above: 5, over: 3 runs}") { alerts in
            let engine = try alerts.scene.engine("one")
            try await alerts.run(found: 2, engine)
            try await others(12_000, alerts)
            try await alerts.run(found: 0, engine)
            try await others(12_000, alerts)
            let commands = try await spent(alerts.scene) { try await alerts.run(found: 4, engine) }
            #expect(try await alerts.published() == ["many:firing:jobs:6"])
            #expect(commands["xrevrange"] == 1, "\(commands)")
            // The oldest of them no longer counts.
            try await alerts.run(found: 0, engine)
            #expect(try await alerts.published() == ["many:firing:jobs:6", "many:resolved:jobs:4"])
        }
    }

    @Test("a hundred alerts with windows cost the end of a run one reading, and none if the run adds nothing")
    func manyAlerts() async throws {
        let windows = ["over: 3 runs", "over: 1h", "over: 1d"]
        let lines = (0..<100).map { "a\($0): {cleanup: \"*\", metric: found, above: 1000, \(windows[$0 % 3])}" }
        try await withInstances(AlertScene.text() + "alerts:\n" + lines.map { "  \($0)\n" }.joined()) { scene in
            let alerts = AlertScene(scene: scene)
            let engine = try scene.engine("one")
            for _ in 0..<2 { try await alerts.run(found: 3, engine) }
            let commands = try await spent(scene) { try await alerts.run(found: 3, engine) }
            #expect(commands["xrevrange"] == 1 && commands["fcall"] ?? 2 <= 2, "\(commands)")
            let idle = try await spent(scene) { try await alerts.run(found: 0, engine) }
            #expect(idle["xrevrange"] == nil && idle["fcall"] ?? 2 <= 2, "\(idle)")
        }
    }

    @Test("runs that were written before a cleanup had a window of its own count")
    func earlier() async throws {
        try await withAlerts("many: {cleanup: jobs, metric: found, above: 5, over: 1h}") { alerts in
            let engine = try alerts.scene.engine("one")
            for run in ["jobs-a", "jobs-b"] {
                let fields = ["kind", "run", "cleanup", "jobs", "run", run, "found", "2"]
                _ = try await alerts.scene.redis.send(RedisCommand("XADD", [alerts.keys.metrics, "*"] + fields))
            }
            try await others(2_000, alerts)
            for found in [1, 1] { try await alerts.run(found: found, engine) }
            #expect(try await alerts.published() == ["many:firing:jobs:6"])
        }
    }

    @Test("a window keeps what its alerts need, and goes with its cleanup")
    func bounded() async throws {
        try await withAlerts("many: {cleanup: jobs, metric: found, above: 1000, over: 3 runs}") { alerts in
            let engine = try alerts.scene.engine("one")
            for _ in 0..<250 { try await alerts.run(found: 1, engine) }
            let key = alerts.keys.window("jobs")
            #expect(try await alerts.scene.send("XLEN", key).integer.map { $0 < 210 } == true)
            #expect(try await alerts.scene.send("PTTL", key).integer.map { $0 > 0 } == true)
            let without = alerts.scene.text.replacing("jobs: {", with: "others: {")
                .replacing("cleanup: jobs", with: "cleanup: others")
            let forgetful = try alerts.scene.engine("two", without)
            try await Operations(engine: forgetful).forget("jobs", by: "ada")
            #expect(try await alerts.scene.send("EXISTS", key).integer == 0)
        }
    }

    @Test("one instance looks for overdue cleanups on behalf of all; the answers to ticks say which")
    func oneWatches() async throws {
        try await withAlerts(AlertOverdueTests.alert) { alerts in
            let engines = try (0..<10).map { try alerts.scene.engine("instance-\($0)") }
            var watches = engines.map { OverdueWatch(engine: $0) }
            try await alerts.scene.schedule("others", in: .seconds(-700))
            var answers: [TickAnswer] = []
            for engine in engines { answers.append(try await alerts.scene.tick(engine, places: 0)) }
            #expect(answers.map(\.owing) == [0] + Array(repeating: nil, count: 9))
            let commands = try await spent(alerts.scene) {
                for place in watches.indices { try await watches[place].look(at: answers[place]) }
            }
            #expect(try await alerts.published().count == 1)
            #expect(commands["fcall"] ?? 1 == 1 && commands["hgetall"] == 1, "\(commands)")
            let quiet = try await spent(alerts.scene) {
                for place in watches.indices { try await watches[place].look(at: answers[place]) }
            }
            #expect(quiet.isEmpty, "\(quiet)")
        }
    }

    @Test("which cleanups owe a run is read where some do, once a heartbeat")
    func owing() async throws {
        try await withAlerts(AlertOverdueTests.alert) { alerts in
            let engine = try alerts.scene.engine("one")
            var watch = OverdueWatch(engine: engine)
            let since = try await engine.serverClock().now - .seconds(700)
            let owed = Owed(since: since, due: since, retry: nil, attempts: 0, error: "")
            try await alerts.scene.send("HSET", alerts.keys.owed, "others", owed.text)
            let answer = try await alerts.scene.tick(engine, places: 0)
            #expect(answer.owing == 1)
            let commands = try await spent(alerts.scene) {
                try await watch.look(at: answer)
                try await watch.look(at: answer)
            }
            #expect(commands["hgetall"] == 2, "\(commands)")
            #expect(try await alerts.published().map { $0.prefix(13) } == ["late:firing:o"])
        }
    }

    @Test("when the instance that watches is gone, another one does, and resolves what it left firing")
    func nextOneWatches() async throws {
        try await withAlerts(AlertOverdueTests.alert) { alerts in
            let (one, two) = (try alerts.scene.engine("one"), try alerts.scene.engine("two"))
            var watch = OverdueWatch(engine: one)
            try await alerts.scene.schedule("others", in: .seconds(-700))
            try await watch.look(at: try await alerts.scene.tick(one, places: 0))
            try await alerts.scene.schedule("others", in: .seconds(3_600))
            var other = OverdueWatch(engine: two)
            try await other.look(at: try await alerts.scene.tick(two, places: 0))
            #expect(try await alerts.published().count == 1)
            // It has not been heard of for its time.
            try await alerts.scene.send("DEL", alerts.keys.watch(one.configuration.fingerprint))
            var next = OverdueWatch(engine: two)
            try await next.look(at: try await alerts.scene.tick(two, places: 0))
            #expect(try await alerts.published().map { $0.prefix(13) } == ["late:firing:o", "late:resolved"])
        }
    }

    @Test("an alert that can't be published is told in the log, and the end of the run stands")
    func unpublished() async throws {
        try await withAlerts("many: {cleanup: jobs, metric: found, above: 2}") { alerts in
            let (log, quiet) = (RecordingLog(), try alerts.scene.engine("one"))
            let engine = Engine(
                configuration: quiet.configuration, redis: alerts.scene.redis, instance: quiet.instance,
                logger: log.logger)
            try await alerts.scene.send("SET", alerts.keys.alert("many"), "text")
            try await alerts.run(found: 3, engine)
            #expect(try await alerts.scene.send("XLEN", alerts.keys.runs).integer == 1)
            #expect(try await alerts.published().isEmpty)
            let line = log.lines.first { $0.contains("an alert can't be published") } ?? ""
            #expect(
                line.hasPrefix("error") && line.contains("{curfew}:alert:many is a string: expected a hash"),
                "\(log.text)")
        }
    }

    @Test("instances with other alerts watch for themselves")
    func otherAlerts() async throws {
        try await withAlerts(AlertOverdueTests.alert) { alerts in
            let one = try alerts.scene.engine("one")
            let two = try alerts.scene.engine("two", alerts.scene.text.replacing("late:", with: "later:"))
            var watches = [OverdueWatch(engine: one), OverdueWatch(engine: two)]
            try await alerts.scene.schedule("others", in: .seconds(-700))
            for (place, engine) in [one, two].enumerated() {
                try await watches[place].look(at: try await alerts.scene.tick(engine, places: 0))
            }
            #expect(try await alerts.published().map { $0.prefix(12) } == ["late:firing:", "later:firing"])
        }
    }
}

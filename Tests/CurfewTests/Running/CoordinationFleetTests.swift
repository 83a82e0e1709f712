import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("many workers", .tags(.ownServer), .timeLimit(.minutes(5)))
struct CoordinationFleetTests {
    private static func text(_ names: [String], _ worker: String, every: String = "1h") -> String {
        "worker: {\(worker)}\ncleanups:\n"
            + names.map {
                "  \($0): {policy: stuck, every: \(every), records: \"\($0):<id>\", index: \($0)s, states: [RUNNING], "
                    + "since: [at], timeout: 1m, to: FAILED}\n"
            }.joined()
    }

    private func withWorkers(_ engines: [Engine], _ body: () async throws -> Void) async throws {
        let workers = engines.map(Worker.init(engine:))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in workers { group.addTask { try await worker.run() } }
            defer { for worker in workers { worker.stop() } }
            try await body()
        }
    }

    private func runs(_ scene: CoordinationScene) async throws -> [StreamEntry] {
        try await scene.stream(scene.keys.runs)
    }

    @Test("what becomes due at once is run once, all of it, by instances that are told of it once")
    func herd() async throws {
        let names = (1...24).map { "c\($0)" }
        try await withInstances(Self.text(names, "concurrency: 2, lease: 5m")) { scene in
            try await withWorkers(try (1...5).map { try scene.engine("web-\($0)") }) {
                try await eventually("a run of each", within: .seconds(60)) {
                    try await runs(scene).count >= names.count
                }
                let made = try await runs(scene)
                #expect(made.compactMap { $0["cleanup"] }.sorted() == names.sorted())
                #expect(made.allSatisfy { $0["fence"] == "1" && $0["status"] == "completed" })
                let known = try await scene.send("KEYS", "{curfew}:knows:*").elements.compactMap(\.string)
                #expect(known.count == 1)
                #expect(try await scene.send("HLEN", known[0]).integer == 25)
            }
        }
    }

    /// How many functions the server has been called for.
    private func calls(_ scene: CoordinationScene) async throws -> Int {
        let text = try await scene.send("INFO", "commandstats").string ?? ""
        return text.split(whereSeparator: \.isNewline).compactMap { line in
            guard line.hasPrefix("cmdstat_fcall:") || line.hasPrefix("cmdstat_evalsha:") else { return nil }
            return line.split(separator: "calls=").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) }
        }.reduce(0, +)
    }

    @Test("instances that begin together with a new configuration share the work of recording it")
    func beginning() async throws {
        let names = (1...60).map { "c\($0)" }
        try await withInstances(Self.text(names, "concurrency: 2")) { scene in
            let engines = try (1...8).map { try scene.engine("web-\($0)") }
            let now = try await engines[0].serverClock().now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for engine in engines {
                    group.addTask { _ = try await Definitions(engine.coordinator).settle(now: now) }
                }
                try await group.waitForAll()
            }
            #expect(try await scene.send("HLEN", scene.keys.definitions).integer == 60)
            #expect(try await calls(scene) < 300)
        }
    }

    @Test("after FLUSHALL the instances tell again what they know, and their cleanups run")
    func flushed() async throws {
        let names = ["a", "b", "c"]
        let alerts = "alerts:\n  failing: {cleanup: a, metric: failed, above: 0}\n"
        let text = Self.text(names, "heartbeat: 500ms, lease: 2s", every: "1s") + alerts
        try await withInstances(text) { scene in
            try await withWorkers(try (1...3).map { try scene.engine("web-\($0)") }) {
                for _ in 1...2 {
                    try await eventually("runs of each", within: .seconds(60)) {
                        Set(try await runs(scene).compactMap { $0["cleanup"] }) == Set(names)
                    }
                    try await scene.send("FLUSHALL")
                }
                try await eventually("runs of each again", within: .seconds(60)) {
                    Set(try await runs(scene).compactMap { $0["cleanup"] }) == Set(names)
                }
                try await eventually("the alert is defined again") {
                    try await scene.send("HGET", scene.keys.alert("failing"), "definition").string?.isEmpty == false
                }
            }
        }
    }

    @Test("two configurations side by side each run what is theirs, whatever of the other is in the way")
    func sideBySide() async throws {
        try await withInstances(Self.text(["a"], "heartbeat: 500ms, lease: 5m", every: "1s")) { scene in
            try await scene.send("HSET", scene.keys.paused, "a", "{}")
            let other = Self.text(["b"], "heartbeat: 500ms, lease: 5m", every: "1s")
            try await withWorkers([try scene.engine("one"), try scene.engine("two", other)]) {
                try await eventually("runs of the other", within: .seconds(60)) { try await runs(scene).count >= 3 }
                #expect(try await runs(scene).allSatisfy { $0["cleanup"] == "b" && $0["instance"] == "two" })
                // By hand, as people do.
                try await scene.send("HDEL", scene.keys.paused, "a")
                try await eventually("a run of the first", within: .seconds(60)) {
                    try await runs(scene).contains { $0["cleanup"] == "a" && $0["instance"] == "one" }
                }
            }
        }
    }

    @Test("a message about a cleanup that is due at once is followed long before the next heartbeat")
    func message() async throws {
        try await withInstances(Self.text(["a"], "heartbeat: 10m, lease: 10m")) { scene in
            try await withWorkers(try (1...4).map { try scene.engine("web-\($0)") }) {
                try await eventually("the first run") { try await runs(scene).count == 1 }
                try await eventually("that all listen") {
                    try await scene.send("PUBSUB", "NUMSUB", scene.keys.wake)[1].integer == 4
                }
                let engine = try scene.engine("by-hand")
                let claim = try await scene.claim("a", by: engine).claim
                let fields = [("cleanup", "a"), ("status", "cancelled")]
                _ = try await engine.coordinator.finish(
                    claim, next: nil, runFields: fields, metricFields: [("kind", "run")], alerts: [])
                try await eventually("the run that goes on", within: .seconds(60)) {
                    try await runs(scene).last?["fence"] == "3"
                }
            }
        }
    }

    @Test("a cleanup whose holder is dead is taken over once its lease has run out, by whoever lives")
    func takeOver() async throws {
        // The holder's lease is short, those of the others aren't: however slow they are, none is lost.
        try await withInstances(Self.text(["a"], "heartbeat: 1s, lease: 5m")) { scene in
            let dead = try scene.engine("dead", Self.text(["a"], "heartbeat: 1s, lease: 1s"))
            _ = try await scene.claim("a", by: dead)
            try await withWorkers(try (1...3).map { try scene.engine("web-\($0)") }) {
                try await eventually("the next run", within: .seconds(60)) {
                    try await runs(scene).map { $0["status"] } == ["lost", "completed"]
                }
            }
            let made = try await runs(scene)
            let (lost, next) = (Int64(made[0]["started_ms"] ?? ""), Int64(made[1]["started_ms"] ?? ""))
            #expect(try #require(next) - #require(lost) < 60_000)
        }
    }
}

import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("workers whose configuration changes", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct CoordinationReloadTests {
    private static func cleanup(_ name: String, _ more: String = "every: 1h, to: FAILED") -> String {
        "  \(name): {policy: stuck, records: \"\(name):<id>\", index: \(name)s, states: [RUNNING], since: [at], "
            + "timeout: 1m, \(more)}\n"
    }

    private static func text(_ cleanups: String, _ rest: String = "") -> String {
        "worker: {heartbeat: 500ms}\ncleanups:\n\(cleanups)\(rest)"
    }

    private func withWorker(_ engine: Engine, _ body: (Worker) async throws -> Void) async throws {
        let worker = Worker(engine: engine)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            defer { worker.stop() }
            try await body(worker)
        }
    }

    @Test("a cleanup that is added runs at once, its alerts are published, and the instance says what it goes by")
    func added() async throws {
        try await withInstances(Self.text(Self.cleanup("a"))) { scene in
            let first = try scene.engine("one")
            try await withWorker(first) { worker in
                try await eventually("the first run") { try await scene.stream(scene.keys.runs).count == 1 }
                let more = Self.text(
                    Self.cleanup("a") + Self.cleanup("b"),
                    "alerts: {many: {cleanup: b, metric: found, above: 5}}\n")
                let second = try scene.engine("one", more)
                worker.reload(with: second)
                try await eventually("a run of the other") {
                    try await scene.stream(scene.keys.runs).map { $0["cleanup"] } == ["a", "b"]
                }
                try await eventually("the alert") {
                    try await scene.send("HGET", scene.keys.alert("many"), "threshold").string == "5"
                }
                let config = try await scene.send("HGET", scene.keys.instance("one"), "config").string
                #expect(config == second.configuration.fingerprint && config != first.configuration.fingerprint)
            }
        }
    }

    @Test("a run under way goes on as it began; the next one follows the new file")
    func underWay() async throws {
        let count = 6_000
        try await withInstances(Self.text(Self.cleanup("job", "every: 1h, to: FAILED, page: 20"))) { scene in
            try await scene.stick(1...count)
            try await withWorker(try scene.engine("one")) { worker in
                try await eventually("the run to be under way", every: .milliseconds(1)) {
                    (try await scene.send("ZCARD", "jobs").integer ?? 0) < Int64(count)
                }
                worker.reload(with: try scene.engine("one", Self.text(Self.cleanup("job", "every: 1s, to: GONE"))))
                #expect(try await scene.send("EXISTS", scene.keys.lease("job")).integer == 1)
                try await eventually("its end") { try await scene.stream(scene.keys.runs).count >= 1 }
                let run = try await scene.stream(scene.keys.runs)[0]
                #expect(run["status"] == "completed" && run["changed"] == String(count))
                #expect(try await scene.send("HGET", "job:\(count)", "status").string == "FAILED")
                try await scene.stick([count + 1])
                try await eventually("a run by the new file") {
                    try await scene.send("HGET", "job:\(count + 1)", "status").string == "GONE"
                }
            }
        }
    }

    @Test("one that is disabled or gone from the file isn't claimed any more, one that is due more often is")
    func removed() async throws {
        let three = ["a", "b", "c"].map { Self.cleanup($0, "every: \($0 == "c" ? "1h" : "1s"), to: FAILED") }
        try await withInstances(Self.text(three.joined())) { scene in
            try await withWorker(try scene.engine("one")) { worker in
                func runs(_ name: String) async throws -> Int {
                    try await scene.stream(scene.keys.runs).count { $0["cleanup"] == name }
                }
                try await eventually("runs of all") {
                    let counts = (try await runs("a"), try await runs("b"), try await runs("c"))
                    return counts.0 > 1 && counts.1 > 1 && counts.2 == 1
                }
                let other = Self.cleanup("a", "every: 1s, to: FAILED, enabled: false")
                let more = Self.cleanup("c", "every: 1s, to: FAILED")
                worker.reload(with: try scene.engine("one", Self.text(other + more)))
                // What was claimed before may still end.
                try await eventually("runs of the third") { try await runs("c") > 2 }
                let (a, b, c) = (try await runs("a"), try await runs("b"), try await runs("c"))
                try await eventually("more runs of the third") { try await runs("c") > c + 2 }
                #expect(try await runs("a") == a)
                #expect(try await runs("b") == b)
            }
        }
    }

    @Test("webhooks of the new file are told, those of the old one are not")
    func webhooks() async throws {
        try await HTTPReceiver.withReceiver { old in
            try await HTTPReceiver.withReceiver { new in
                func text(_ url: String, _ name: String) -> String {
                    Self.text(Self.cleanup("a"), "webhooks: {\(name): {url: \"\(url)\", on: [alert]}}\n")
                }
                try await withInstances(text(old.url, "one")) { scene in
                    func isListening(_ name: String) async throws -> Bool {
                        let groups = try await scene.send("XINFO", "GROUPS", scene.keys.alerts).elements
                        return groups.contains { $0.pairs.contains { $0 == ("name", "curfew:webhook:\(name)") } }
                    }
                    try await scene.send("XADD", scene.keys.alerts, "*", "alert", "a")
                    try await withWorker(try scene.engine("one")) { worker in
                        try await eventually("the first webhook") { try await isListening("one") }
                        worker.reload(with: try scene.engine("one", text(new.url, "two")))
                        try await eventually("the second webhook") { try await isListening("two") }
                        try await scene.send("XADD", scene.keys.alerts, "*", "alert", "b", "state", "firing")
                        try await eventually("a message") { !new.requests.isEmpty }
                    }
                    #expect(old.requests.isEmpty)
                }
            }
        }
    }

    @Test("a reload at the shutdown changes nothing any more")
    func tooLate() async throws {
        try await withInstances(Self.text(Self.cleanup("a"))) { scene in
            let worker = Worker(engine: try scene.engine("one"))
            worker.stop()
            worker.reload(with: try scene.engine("one", Self.text(Self.cleanup("b"))))
            try await worker.run()
            #expect(try await scene.send("EXISTS", scene.keys.schedule, scene.keys.runs).integer == 0)
        }
    }
}

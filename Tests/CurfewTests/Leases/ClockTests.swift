import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("clocks that step, and clocks that differ", .tags(.ownServer), .timeLimit(.minutes(5)))
struct ClockTests {
    static let jobs = """
        worker: {lease: 3s, heartbeat: 500ms}
        cleanups:
          jobs:
            {policy: stuck, every: 1s, records: "job:<id>", index: jobs, states: [RUNNING], since: [at], heartbeat: beat,
             timeout: 5m, to: FAILED}

        """

    /// Runs a body with a worker on a Redis whose clock can be moved.
    private func withWorker(
        ahead: Duration = .zero, _ body: (CoordinationScene, MovableClock) async throws -> Void
    ) async throws {
        try await withMovableClock(ahead: ahead) { server, redis, clock in
            let scene = CoordinationScene(server: server, url: server.url, redis: redis, text: Self.jobs)
            let worker = Worker(engine: try scene.engine("one"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                defer { worker.stop() }
                try await body(scene, clock)
            }
        }
    }

    /// A job that began so long ago and was last heard of then, by the true time; due at once.
    private func write(_ id: Int, began: Int, heard: Int, _ scene: CoordinationScene) async throws {
        let now = Int64(Date().timeIntervalSince1970)
        try await scene.send(
            "HSET", "job:\(id)", "status", "RUNNING", "at", String(now - Int64(began)), "beat",
            String(now - Int64(heard)))
        try await scene.send("ZADD", "jobs", "1", String(id))
    }

    private func jobs(_ scene: CoordinationScene) throws -> Cleanup {
        try #require(try scene.engine("two").configuration.cleanups.first)
    }

    private func clockAlerts(_ scene: CoordinationScene) async throws -> [String?] {
        try await scene.stream(scene.keys.alerts).filter { $0["alert"] == "clock" }.map { $0["state"] }
    }

    private func runs(_ scene: CoordinationScene) async throws -> [StreamEntry] {
        try await scene.stream(scene.keys.runs)
    }

    @Test("after a step forward what was written before it is judged by the time from before")
    func stepForward() async throws {
        try await withWorker { scene, clock in
            for id in 1...20 { try await write(id, began: 900, heard: 100, scene) }
            try await eventually("a run before") { try await runs(scene).contains { $0["found"] == "0" } }
            try clock.set(ahead: .seconds(3_600))
            try await eventually("the alert") { try await clockAlerts(scene) == ["firing"] }
            try await write(21, began: 900, heard: 800, scene)
            try await eventually("the one that is stuck to be found") { try await scene.status(21) == "FAILED" }
            for id in 1...20 { #expect(try await scene.status(id) == "RUNNING") }
            #expect(try await FiringAlert.all(try scene.engine("two")).map(\.alert) == ["clock"])
            let finding = try await Doctor(engine: try scene.engine("two")).clock().last
            #expect(finding?.state == .warning && finding?.message.contains("stepped forward by") == true)
            #expect(finding?.message.contains("; jobs use the previous time") == true)
            let preview = try await Preview(engine: try scene.engine("two")).run(jobs(scene))
            #expect(preview.totalFound == 0)
            // A run by hand, of a process that has seen nothing of it, goes by the note.
            try await write(22, began: 900, heard: 100, scene)
            let (claim, _) = try await eventually("a lease") { () -> (Run, Claim)? in
                do { return try await scene.claim(by: try scene.engine("two")) } catch { return nil }
            }
            #expect(await claim.execute().status == .completed)
            #expect(try await scene.status(22) == "RUNNING")
            try clock.set(ahead: .zero)
            try await eventually("the end of the alert") { try await clockAlerts(scene) == ["firing", "resolved"] }
        }
    }

    @Test("where live work is past its time by the clock of Redis alone, runs fail with an error and change nothing")
    func redisAhead() async throws {
        try await withWorker(ahead: .seconds(600)) { scene, clock in
            try await write(1, began: 60, heard: 0, scene)
            try await write(2, began: 9_000, heard: 9_000, scene)
            let run = try await eventually("a run") { try await runs(scene).first { $0["status"] == "failed" } }
            #expect(run["error"]?.contains("beat is of just now by the clock of this machine and 1") == true)
            #expect(run["error"]?.contains("past the timeout 5m") == true)
            #expect(try await scene.status(1) == "RUNNING")
            #expect(try await scene.status(2) == "RUNNING")
            let finding = try await Doctor(engine: try scene.engine("two")).clock()[0]
            #expect(finding.state == .warning)
            #expect(
                finding.message.contains("-600.0 s off Redis, more than a tenth of the shortest timeout (5m of jobs)"))
        }
    }

    @Test("what lives is past its time for nobody, however far apart its heartbeats are")
    func redisAheadOfSlowHeartbeats() async throws {
        try await withWorker(ahead: .seconds(255)) { scene, clock in
            for (id, heard) in [(1, 0), (2, 25), (3, 55)] { try await write(id, began: 900, heard: heard, scene) }
            let run = try await eventually("a run that is held back") {
                try await runs(scene).first { $0["status"] == "failed" }
            }
            let error = run["error"] ?? ""
            #expect(error.hasPrefix("job:3: beat is 5") && error.contains(" old by the clock of this machine and 5m"))
            for id in 1...3 { #expect(try await scene.status(id) == "RUNNING") }
        }
    }

    @Test("after a step forward work that is heard of goes on, and so does the cleanup")
    func heardAfterStep() async throws {
        try await withWorker { scene, clock in
            try await write(1, began: 900, heard: 0, scene)
            try await eventually("a run before") { try await runs(scene).contains { $0["status"] == "completed" } }
            try clock.set(ahead: .seconds(3_600))
            try await eventually("the alert") { try await clockAlerts(scene) == ["firing"] }
            try await write(1, began: 900, heard: 0, scene)
            try await write(2, began: 900, heard: 800, scene)
            try await eventually("the one that is stuck to be found") { try await scene.status(2) == "FAILED" }
            #expect(try await scene.status(1) == "RUNNING")
            #expect(try await runs(scene).allSatisfy { $0["status"] != "failed" })
        }
    }

    @Test("heartbeats and starts that are ahead of Redis hold the cleanup back", arguments: ["at", "beat"])
    func recordsAhead(field: String) async throws {
        try await withWorker(ahead: .seconds(-120)) { scene, clock in
            try await write(2, began: 9_000, heard: 9_000, scene)
            try await eventually("a run that is right") { try await scene.status(2) == "FAILED" }
            try await write(3, began: 9_000, heard: 9_000, scene)
            try await write(1, began: 9_000, heard: 9_000, scene)
            try await scene.send("HDEL", "job:1", "beat")
            try await scene.send("HSET", "job:1", field, String(Int64(Date().timeIntervalSince1970)))
            let run = try await eventually("a run that is held back") {
                try await runs(scene).first { $0["status"] == "failed" }
            }
            let error = run["error"] ?? ""
            #expect(error.hasPrefix("job:1: \(field) is 1m5") || error.hasPrefix("job:1: \(field) is 2m"), "\(error)")
            #expect(error.contains("ahead of the time of Redis, expected at most 30s (a tenth of the timeout 5m)"))
        }
    }

    @Test(
        "a step is what two readings differ by beyond two seconds and their round trips; two that agree end the doubt")
    func watch() {
        var watch = ClockWatch()
        let start = ContinuousClock.now
        func take(_ reading: Int64, after seconds: Int64, within roundTrip: Duration = .zero) -> Duration? {
            watch.take(
                Timestamp(milliseconds: reading), at: start.advanced(by: .seconds(seconds)), within: roundTrip)
        }
        #expect(take(1_000_000, after: 0) == nil)
        #expect(take(1_011_900, after: 10) == nil && !watch.isInDoubt)
        #expect(take(4_612_000, after: 11) == .milliseconds(3_599_100) && watch.isInDoubt)
        #expect(take(4_613_000, after: 12) == nil && !watch.isInDoubt)
        #expect(take(1_014_000, after: 13) == .milliseconds(-3_600_000) && watch.isInDoubt)
        // The answer was five seconds on its way, or this process was frozen for so long.
        #expect(take(1_014_000, after: 18, within: .seconds(5)) == nil && !watch.isInDoubt)
    }

    @Test("only a step that matters to the timeout is corrected, until the timeout has passed")
    func correction() throws {
        let configuration = try Configuration.parse("redis: redis://x\n\(Self.jobs)", file: "a", environment: [:])
        let jobs = try #require(configuration.cleanups.first)
        let seen = Timestamp(milliseconds: 1_700_000_000_000)
        func correction(_ total: Int, after seconds: Int) -> Duration {
            ClockStep(step: .seconds(total), total: .seconds(total), seen: seen)
                .correction(for: jobs, at: seen + .seconds(seconds))
        }
        #expect(correction(3_600, after: 0) == .seconds(-3_600))
        #expect(correction(3_600, after: 299) == .seconds(-3_600))
        #expect(correction(3_600, after: 300) == .zero)
        #expect(correction(30, after: 0) == .zero)
        #expect(correction(31, after: 0) == .seconds(-31))
        #expect(correction(-3_600, after: 0) == .zero)
    }
}

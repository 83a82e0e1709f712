import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("what names of cleanups stand for", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct DefinitionTests {
    private static func text(
        _ records: String = "job:<id>", _ more: String = "every: 1h", index: String = "jobs", lease: String = "2s"
    ) -> String {
        """
        worker: {lease: \(lease), heartbeat: 300ms}
        cleanups:
          jobs: {policy: stuck, \(more), records: "\(records)", index: \(index), states: [RUNNING], since: [at], timeout: 1m, to: FAILED}

        """
    }

    private func withWorker(_ engine: Engine, _ body: (Worker) async throws -> Void) async throws {
        let worker = Worker(engine: engine)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            defer { worker.stop() }
            try await body(worker)
        }
    }

    /// Settles as a worker does that begins with a configuration.
    @discardableResult
    private func begin(_ engine: Engine) async throws -> [String: Definitions.Conflict] {
        try await settle(engine).refused
    }

    private func settle(_ engine: Engine) async throws -> Definitions.Settlement {
        try await Definitions(engine.coordinator).settle(now: try await engine.serverClock().now)
    }

    /// Says that an instance lives, as its ticks do.
    private func live(_ engine: Engine) async throws {
        let clock = try await engine.serverClock()
        _ = try await engine.coordinator.tick(
            beat: Coordinator.Beat(started: clock.now), places: 0, clock: clock)
    }

    private func due(_ scene: CoordinationScene) async throws -> Duration {
        let score = try await scene.send("ZSCORE", scene.keys.schedule, "jobs").integer ?? 0
        return Timestamp(milliseconds: score) - (try await ServerClock.read(from: scene.redis).now)
    }

    @Test(
        "another meaning of a name is refused to workers and people as long as an instance lives that has the first",
        arguments: [text("stag:<id>"), text(index: "stag:jobs")])
    func refused(other: String) async throws {
        try await withInstances(Self.text("job:<id>", "every: 1s")) { scene in
            let second = try scene.engine("two", other.replacing("every: 1h", with: "every: 1s"))
            try await withWorker(try scene.engine("one")) { _ in
                try await eventually("a run") { try await scene.stream(scene.keys.runs).count > 0 }
                try await withWorker(second) { _ in
                    try await eventually("that it says so") {
                        try await scene.send("HGET", scene.keys.instance("two"), "refused").string == "jobs"
                    }
                    let before = try await scene.stream(scene.keys.runs).count
                    try await eventually("more runs") { try await scene.stream(scene.keys.runs).count > before + 2 }
                    let instances = try await scene.stream(scene.keys.runs).map { $0["instance"] }
                    #expect(Set(instances) == ["one"])
                    for engine in [second, try scene.engine("three")] {
                        let status = try await Status.read(engine)
                        #expect(status.cleanups[0].refused?.hasPrefix("jobs means other records on ") == true)
                        let finding = try await Doctor(engine: engine).fleet().first { $0.check == "names" }
                        #expect(finding?.state == .problem)
                    }
                    let byHand = try await eventually("a lease") { () -> (run: Run, claim: Claim)? in
                        do { return try await scene.claim(by: second) } catch is CurfewError { return nil }
                    }
                    let result = await byHand.run.execute()
                    #expect(result.status == .failed)
                    #expect(result.error?.contains("on one (stuck, records job:<id>") == true)
                    try await scene.stick([1])
                    try await eventually("the first one's work") { try await scene.status(1) == "FAILED" }
                }
            }
            // The first one has signed off.
            try await withWorker(second) { _ in
                try await eventually("a run of the second") {
                    try await scene.stream(scene.keys.runs)
                        .contains { $0["instance"] == "two" && $0["status"] == "completed" }
                }
                #expect(try await Status.read(second).cleanups[0].refused == nil)
            }
        }
    }

    @Test("a run that was claimed in good faith finds out before it changes anything, and leaves the schedule alone")
    func foundOut() async throws {
        try await withInstances(Self.text(lease: "1m")) { scene in
            let (one, two) = (try scene.engine("one"), try scene.engine("two", Self.text("stag:<id>", lease: "1m")))
            #expect(try await begin(one).isEmpty)
            try await live(one)
            try await scene.schedule("jobs", in: .seconds(-5))
            try await scene.send("HSET", "stag:1", "status", "RUNNING", "at", "1700000000")
            try await scene.send("ZADD", "jobs", "1", "1")
            let before = try await due(scene)
            // As an instance that has been frozen for as long as another took the name.
            guard case .claimed(let claim) = try await scene.tick(two).outcome,
                let cleanup = two.configuration.cleanups.first
            else { throw CurfewError(.held, "jobs") }
            let run = Run(engine: two, cleanup: cleanup, claim: claim, clock: try await two.serverClock())
            let result = await run.execute()
            #expect(result.status == .failed && result.error?.contains("means other records on one") == true)
            #expect(run.control.isContested)
            #expect(try await scene.send("HGET", "stag:1", "status").string == "RUNNING")
            #expect(try await due(scene) <= before)
            #expect(try await scene.send("EXISTS", scene.keys.owed).integer == 0)
        }
    }

    @Test("a reload that changes what a name stands for takes effect at once, a rolling update with its last instance")
    func update() async throws {
        try await withInstances(Self.text(lease: "1m")) { scene in
            let new = Self.text("new:<id>", lease: "1m")
            try await begin(try scene.engine("one"))
            try await live(try scene.engine("one"))
            #expect(try await begin(try scene.engine("one", new)).isEmpty)
            try await live(try scene.engine("one", new))
            // Two of the same deployment; one of them is new.
            try await live(try scene.engine("two", new))
            #expect(try await begin(try scene.engine("three")).keys.sorted() == ["jobs"])
            for id in ["one", "two"] {
                #expect(try await begin(try scene.engine("three")).count == 1)
                try await (try scene.engine(id)).coordinator.leave()
            }
            #expect(try await begin(try scene.engine("three")).isEmpty)
        }
    }

    @Test("any configuration that means the same keeps a name, also an older one that is left after a rollback")
    func rollback() async throws {
        try await withInstances(Self.text(lease: "1m")) { scene in
            let (old, new) = (
                try scene.engine("old"),
                try scene.engine("new", Self.text("job:<id>", "every: 1h, page: 50", lease: "1m"))
            )
            for engine in [old, new] {
                try await begin(engine)
                try await live(engine)
            }
            try await new.coordinator.leave()
            #expect(try await begin(try scene.engine("foreign", Self.text("stag:<id>", lease: "1m"))).count == 1)
            try await old.coordinator.leave()
            #expect(try await begin(try scene.engine("foreign", Self.text("stag:<id>", lease: "1m"))).isEmpty)
        }
    }

    @Test(
        "a changed schedule schedules anew, sooner or later than before",
        arguments: [
            ("every: 1h", "every: 5m", 3_000, 0...300), ("every: 1h", "every: 6h", 3_000, 20_000...21_600),
            ("every: 1h", "every: 6h", -5, -6...(-5)), ("cron: 0 4 29 2 *", "every: 1h", 90_000, 3_590...3_600),
            ("every: 1h", "cron: 0 4 29 2 *", 3_000, 3_601...200_000_000),
            ("every: 1h", "cron: '* * * * *'", 3_000, 0...60), ("every: 1h", "cron: 0 4 29 2 *", -5, 1...200_000_000),
            ("cron: '* * * * *'", "cron: '*/2 * * * *'", 7_200, 0...120),
        ] as [(String, String, Int, ClosedRange<Int>)])
    func anew(before: String, after: String, distance: Int, expected: ClosedRange<Int>) async throws {
        try await withInstances(Self.text("job:<id>", before)) { scene in
            try await begin(try scene.engine("one"))
            try await scene.schedule("jobs", in: .seconds(distance))
            try await begin(try scene.engine("one", Self.text("job:<id>", after)))
            let seconds = Int(try await due(scene) / .seconds(1))
            #expect((expected.lowerBound - 5...expected.upperBound).contains(seconds), "\(seconds)")
            // Nothing happens to it where nothing changes, unless it is later than it can be.
            let score = try await scene.send("ZSCORE", scene.keys.schedule, "jobs").string
            try await begin(try scene.engine("one", Self.text("job:<id>", after)))
            #expect(try await scene.send("ZSCORE", scene.keys.schedule, "jobs").string == score)
        }
    }

    @Test("an old instance that begins again in a rolling update waits until the newer ones are gone")
    func oldAgain() async throws {
        try await withInstances(Self.text(lease: "1m")) { scene in
            let (old, new) = (
                try scene.engine("old"), try scene.engine("new", Self.text("job:<id>", "every: 5m", lease: "1m"))
            )
            try await begin(old)
            try await scene.schedule("jobs", in: .seconds(3_500))
            #expect(try await settle(new).waiting.isEmpty)
            try await live(new)
            #expect(try await due(scene) <= .seconds(300))
            #expect(try await settle(old).waiting == ["jobs"])
            #expect(try await due(scene) <= .seconds(300))
            // The newer ones are taken back.
            try await new.coordinator.leave()
            #expect(try await settle(old).waiting.isEmpty)
            #expect(try await due(scene) > .seconds(3_000))
        }
    }

    @Test("a run by hand leaves the due time as it is, whatever the schedule in its file")
    func byHand() async throws {
        try await withInstances(Self.text()) { scene in
            try await begin(try scene.engine("one"))
            try await scene.schedule("jobs", in: .seconds(3_000))
            let score = try await scene.send("ZSCORE", scene.keys.schedule, "jobs").string
            for more in ["every: 5m", "every: 6h"] {
                let (run, _) = try await scene.claim(by: try scene.engine("two", Self.text("job:<id>", more)))
                #expect(await run.execute().status == .completed)
                #expect(try await scene.send("ZSCORE", scene.keys.schedule, "jobs").string == score)
            }
        }
    }

    @Test("what is refused is said in the same words as long as it is the same")
    func sameWords() async throws {
        try await withInstances(Self.text()) { scene in
            let other = try scene.engine("two", Self.text("stag:<id>"))
            let log = RecordingLog()
            let engine = Engine(
                configuration: other.configuration, redis: other.redis, instance: other.instance, logger: log.logger)
            try await withWorker(try scene.engine("one")) { _ in
                try await eventually("a run") { try await scene.stream(scene.keys.runs).count > 0 }
                try await withWorker(engine) { _ in
                    try await eventually("five heartbeats") {
                        try await scene.stream(scene.keys.metrics).count { $0["instance"] == "two" } >= 5
                    }
                }
            }
            #expect(log.lines.count { $0.contains("a cleanup is refused") } == 1)
        }
    }

    @Test("a run that replaces one from a clock that was ahead is due by the clock that is right")
    func lostToAClock() async throws {
        try await withInstances(Self.text()) { scene in
            let one = try scene.engine("one")
            try await begin(one)
            _ = try await scene.claim(by: one)
            let ahead = String((try await ServerClock.read(from: scene.redis).now + .seconds(90_000)).milliseconds)
            try await scene.send(
                "HSET", scene.keys.lease("jobs"), "due_ms", ahead, "acquired_ms", ahead, "renewed_ms", ahead)
            try await scene.send("ZADD", scene.keys.schedule, ahead, "jobs")
            let two = try scene.engine("two")
            guard case .claimed(let claim) = try await scene.tick(two).outcome,
                let cleanup = two.configuration.cleanups.first
            else { throw CurfewError(.held, "jobs") }
            let run = Run(engine: two, cleanup: cleanup, claim: claim, clock: try await two.serverClock())
            #expect(await run.execute().status == .completed)
            #expect(try await due(scene) <= .seconds(3_602))
        }
    }

    @Test(
        "what can't be read is said by its key, and claims nothing", arguments: ["definitions", "owed", "alert:clock"])
    func wrongType(name: String) async throws {
        try await withInstances(Self.text()) { scene in
            let engine = try scene.engine("one")
            try await begin(engine)
            try await scene.schedule("jobs", in: .seconds(-5))
            let key = scene.keys.schedule.replacing("schedule", with: name)
            try await scene.send("DEL", key)
            try await scene.send("SET", key, "x")
            let error = await #expect(throws: CurfewError.self) { try await scene.tick(engine) }
            #expect(error?.message.contains("\(key) is a string: expected a hash") == true)
            #expect(try await scene.send("EXISTS", scene.keys.lease("jobs")).integer == 0)
            let findings = await Doctor(engine: engine).examine().findings
            #expect(findings.contains { $0.check == "keys" && $0.message == "\(key) is a string, expected a hash" })
            for finding in findings where finding.message.contains("WRONGTYPE") {
                #expect(finding.message.contains(key), "\(finding.message)")
            }
        }
    }

    @Test("a run under way ends by the schedule that was noted meanwhile")
    func underWay() async throws {
        try await withInstances(Self.text(lease: "1m")) { scene in
            let one = try scene.engine("one")
            try await begin(one)
            try await scene.schedule("jobs", in: .seconds(-1))
            let (run, _) = try await scene.claim(by: one)
            let lease = try await scene.send("ZSCORE", scene.keys.schedule, "jobs").string
            try await begin(try scene.engine("two", Self.text("job:<id>", "every: 6h", lease: "1m")))
            #expect(try await scene.send("ZSCORE", scene.keys.schedule, "jobs").string == lease)
            #expect(await run.execute().status == .completed)
            #expect(try await due(scene) > .seconds(5 * 3_600))
        }
    }

    @Test("what a clock that was ahead has left on the schedule is brought back to the latest time that can be")
    func leftFromAClock() async throws {
        try await withInstances(Self.text()) { scene in
            try await begin(try scene.engine("one"))
            try await scene.schedule("jobs", in: .seconds(90_000))
            try await begin(try scene.engine("one"))
            #expect(try await due(scene) <= .seconds(3_602))
        }
    }

    @Test("a cleanup that is switched on again is overdue from then on")
    func enabled() async throws {
        try await withInstances(Self.text()) { scene in
            try await begin(try scene.engine("one"))
            try await begin(try scene.engine("one", Self.text("job:<id>", "every: 1h, enabled: false")))
            try await scene.schedule("jobs", in: .seconds(-90_000))
            try await begin(try scene.engine("one"))
            let answer = try await scene.tick(try scene.engine("one"), places: 0)
            #expect((answer.overdue["jobs"] ?? .zero) < .seconds(60))
            #expect(try await due(scene) <= .zero)
        }
    }

    @Test("a cleanup that is switched off owes nothing, then and when it is switched on again")
    func offOwesNothing() async throws {
        try await withInstances(Self.text()) { scene in
            let off = try scene.engine("one", Self.text("job:<id>", "every: 1h, enabled: false"))
            try await begin(try scene.engine("one"))
            let since = try await ServerClock.read(from: scene.redis).now - .seconds(90_000)
            let owed = Owed(since: since, due: since, retry: nil, attempts: 0, error: "no right")
            try await scene.send("HSET", scene.keys.owed, "jobs", owed.text)
            try await scene.schedule("jobs", in: .seconds(3_000))
            #expect(try await Status.read(try scene.engine("one")).cleanups[0].owedSince != nil)
            try await begin(off)
            #expect(try await Status.read(off).cleanups[0].owedSince == nil)
            try await begin(try scene.engine("one"))
            #expect(try await scene.send("EXISTS", scene.keys.owed).integer == 0)
            #expect(try await due(scene) > .seconds(2_900))
        }
    }
}

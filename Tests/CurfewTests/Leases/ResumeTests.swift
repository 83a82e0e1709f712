import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("cleanups that are resumed", .tags(.ownServer), .everyTopology)
struct ResumeTests {
    private static func text(_ schedule: String) -> String {
        """
        cleanups:
          jobs: {policy: stuck, \(schedule), records: "job:<id>", index: jobs, states: [RUNNING], since: [at], timeout: 1m, to: FAILED}

        """
    }

    private func score(_ scene: CoordinationScene) async throws -> Timestamp {
        Timestamp(milliseconds: try await scene.send("ZSCORE", scene.keys.schedule, "jobs").integer ?? 0)
    }

    @Test("it says what was missed and when it runs, counts as overdue from then on, and may still be left")
    func missed() async throws {
        try await withInstances(Self.text("cron: 0 4 * * *")) { scene in
            let engine = try scene.engine("one")
            let operations = Operations(engine: engine)
            try await operations.pause("jobs", by: "ada", why: "a move")
            let now = try await engine.serverClock().now
            let first = engine.configuration.cleanups[0].schedule.next(
                after: now - .seconds(3 * 86_400), now: now - .seconds(3 * 86_400))
            try await scene.send("ZADD", scene.keys.schedule, String(first.milliseconds), "jobs")
            try await scene.send("HSET", scene.keys.owed, "jobs", "{}")
            let resumption = try await operations.resume("jobs", by: "ada")
            #expect(resumption.missed == 3 && resumption.lastMissed == first + .seconds(2 * 86_400))
            #expect(resumption.next == first + .seconds(3 * 86_400))
            let due = try await score(scene)
            #expect(due == resumption.due && due > now && due - now < .seconds(60))
            #expect(resumption.message.contains("3 scheduled times missed, the last at "))
            #expect(resumption.message.contains("it runs at \(due.iso8601), in 10s (“curfew resume jobs --skip”"))
            #expect(try await scene.tick(engine, places: 0).overdue.isEmpty)
            #expect(try await scene.send("EXISTS", scene.keys.owed).integer == 0)
            let skipped = try await operations.resume("jobs", by: "ada", skip: true)
            #expect(skipped.isDone && !skipped.isResumed)
            #expect(try await score(scene) == first + .seconds(3 * 86_400))
            #expect(try await operations.resume("jobs", by: "ada", skip: true).isDone == false)
        }
    }

    @Test("with --skip it waits for its next time", arguments: ["cron: 0 4 * * *", "every: 1h"])
    func skip(schedule: String) async throws {
        try await withInstances(Self.text(schedule)) { scene in
            let engine = try scene.engine("one")
            let operations = Operations(engine: engine)
            try await operations.pause("jobs", by: "ada", why: "a move")
            try await scene.schedule("jobs", in: .seconds(-90_000))
            let was = try await score(scene)
            let resumption = try await operations.resume("jobs", by: "ada", skip: true)
            let next = engine.configuration.cleanups[0].schedule.next(after: was, now: resumption.now)
            #expect(resumption.due == next && resumption.next == nil)
            #expect(try await score(scene) == next)
            #expect(resumption.message.contains("it runs at \(next.iso8601)"))
        }
    }

    @Test("one that missed nothing keeps its time, and one that is running keeps its lease")
    func nothingMissed() async throws {
        try await withInstances(Self.text("every: 1h")) { scene in
            let engine = try scene.engine("one")
            let operations = Operations(engine: engine)
            for isRunning in [false, true] {
                try await scene.schedule("jobs", in: .seconds(1_800))
                if isRunning { _ = try await scene.claim(by: engine) }
                try await operations.pause("jobs", by: "ada", why: "a move")
                let was = try await score(scene)
                let resumption = try await operations.resume("jobs", by: "ada")
                #expect(resumption.isResumed && resumption.missed == 0)
                #expect(try await score(scene) == was)
                #expect(
                    resumption.message == "jobs is resumed and runs "
                        + (isRunning ? "when it is due" : "at \(was.iso8601), in 29m59s")
                        || !isRunning)
            }
        }
    }
}

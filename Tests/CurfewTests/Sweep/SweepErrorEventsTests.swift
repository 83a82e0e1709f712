import Logging
import Policies
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What is kept of records that could not be dealt with, and of runs that came to no end.
@Suite("errors are kept", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct SweepErrorEventsTests {
    private static let cleanup = """
        stuck-jobs:
          policy: stuck
          every: 1h
          records: job:<id>
          index: jobs
          states: [PROCESSING]
          since: [startedAt]
          timeout: 5m
          to: FAILED
        """

    private func errors(_ scene: SweepScene) async throws -> [StreamEntry] {
        try await scene.stream(scene.keys.events).filter { $0["action"] == "error" }
    }

    @Test("a record that can't be judged gives one event a run, with its key and the reason; a dry run gives none")
    func once() async throws {
        try await withSweepScene(Self.cleanup) { scene in
            let old = String((scene.began - .seconds(3_600)).milliseconds)
            for number in 0..<120 {
                let id = "bad\(number)"
                try await scene.write(
                    "job:\(id)", ["status": "PROCESSING", "startedAt": "yesterday"], index: "jobs", id: id)
            }
            try await scene.write("job:good", ["status": "PROCESSING", "startedAt": old], index: "jobs", id: "good")
            let dry = try await scene.run("stuck-jobs", isDryRun: true)
            #expect(dry.failed == 120)
            #expect(try await errors(scene).isEmpty)

            let result = try await scene.run("stuck-jobs")
            #expect(result.failed == 120 && result.cleanedUp == 1, "\(result)")
            let events = try await errors(scene)
            #expect(events.count == 120 && Set(events.compactMap { $0["record"] }).count == 120)
            let event = try #require(events.first { $0["record"] == "bad7" })
            #expect(event["key"] == "job:bad7" && event["run"] == result.run && event["cleanup"] == "stuck-jobs")
            #expect(event["reason"]?.readable.hasPrefix("startedAt is “yesterday”") == true)
            let changed = try await scene.stream(scene.keys.events).filter { $0["action"] != "error" }
            #expect(changed.map { $0["record"] } == ["good"])
            #expect(changed.first?.fields.map(\.name) == event.fields.map(\.name))

            try await scene.run("stuck-jobs")
            #expect(try await errors(scene).count == 240)
            let undone = try await scene.undo(result.run)
            #expect(undone.cleanedUp == 1 && undone.skipped == 0 && undone.failed == 0, "\(undone)")
        }
    }

    @Test("a run tells of a thousand records at most")
    func most() async throws {
        try await withSweepScene(Self.cleanup) { scene in
            for start in stride(from: 0, to: 1_100, by: 100) {
                try await scene.redis.pipeline(
                    (start..<start + 100).flatMap { number in
                        [
                            RedisCommand("HSET", ["job:\(number)", "status", "PROCESSING", "startedAt", "soon"]),
                            RedisCommand("ZADD", ["jobs", "1", "\(number)"]),
                        ]
                    })
            }
            let result = try await scene.run("stuck-jobs")
            #expect(result.failed == 1_100, "\(result)")
            let events = try await errors(scene)
            #expect(events.count == 1_000 && Set(events.compactMap { $0["record"] }).count == 1_000)
        }
    }

    @Test("what was counted is told once, however often it is asked for")
    func counters() {
        var counters = RunCounters()
        counters.failed("a", "why")
        counters.failed("a", "why again")
        counters.failed("\u{E9}", "one spelling")
        counters.failed("e\u{301}", "another")
        counters.failed("field", "no record", isRecord: false)
        let first = counters.takeNews()
        #expect(first.news.map(\.error) == ["why", "one spelling", "another"] && first.told == 0)
        counters.failed("b", "new")
        let second = counters.takeNews()
        #expect(second.news.map(\.id) == ["b"] && second.told == 3 && !counters.hasNews && counters.failed == 6)
    }
}

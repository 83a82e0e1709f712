import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Keys that go along with records look like records themselves.
@Suite("indexing: keys beside records", .tags(.ownServer), .timeLimit(.minutes(4)))
struct IndexingCompanionTests {
    private static let logs = """
        old-jobs: {policy: retention, every: 1h, records: "job:<id>", since: [at], keep: 30d, also: ["job:<id>:log"], guard: off}
        stuck: {policy: stuck, every: 1h, records: "job:<id>", states: [RUNNING], since: [at], timeout: 1m, to: FAILED}
        """

    @Test("a key that goes along with its record is no record of its own, however old it is")
    func companions() async throws {
        try await withSweepScene(Self.logs) { scene in
            let (old, young) = ("1600000000", "\(scene.began.milliseconds)")
            try await scene.write("job:old", ["at": old, "status": "RUNNING"])
            try await scene.write("job:old:log", ["at": old, "status": "RUNNING"])
            try await scene.write("job:young", ["at": young])
            try await scene.write("job:young:log", ["at": old])
            try await scene.write("job:log", ["at": young])

            let stuck = try await Preview(engine: scene.engine).run(try scene.cleanup("stuck"))
            #expect(stuck.records.map(\.id) == ["old"])
            let result = try await scene.run("old-jobs")

            #expect(result.status == .completed && result.totalFound == 1)
            #expect(try await scene.send("EXISTS", "job:old", "job:old:log").integer == 0)
            #expect(try await scene.send("EXISTS", "job:young", "job:young:log").integer == 2)
            #expect(Set(try await scene.members(scene.keys.index("old-jobs"))) == ["young", "log"])
        }
    }

    @Test("a template that fits everything hides no record")
    func wide() async throws {
        let wide = Self.logs.replacing("\"job:<id>:log\"]", with: "\"<id>\"], allow: any")
        try await withSweepScene(wide) { scene in
            try await scene.write("job:old", ["at": "1600000000"])
            #expect(try await scene.run("old-jobs").cleanedUp == 1)
        }
    }
}

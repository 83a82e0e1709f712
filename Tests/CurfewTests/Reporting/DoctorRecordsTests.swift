import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// A cleanup that finds nothing, or something else than it expects, is told so before anybody wonders.
@Suite("doctor: records", .tags(.ownServer), .everyTopology)
struct DoctorRecordsTests {
    private func remarks(_ scene: SweepScene) async throws -> [String] {
        try await Doctor(engine: scene.engine).records().map { "\($0.state.rawValue) \($0.message.readable)" }
    }

    @Test("a template that no key fits is said, in the index as well as among the keys")
    func nothing() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            let empty = try await remarks(scene)
            #expect(empty.count == 1 && empty[0].hasPrefix("warning stuck-jobs: no key matches job:<id>"))
            _ = try await scene.send("ZADD", "jobs:deadlines", String(scene.began.milliseconds), "a")
            #expect(
                try await remarks(scene)
                    == ["warning stuck-jobs: no record under job:<id> for any of 1 entries of its index"])
            try await scene.stick("a")
            #expect(try await remarks(scene) == ["ok samples of every cleanup are as expected"])
        }
    }

    @Test("JSON where hashes are expected is said with what to add, and the reverse")
    func formats() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            _ = try await scene.send("SET", "job:1", " {\"status\": \"PROCESSING\"}")
            let findings = try await Doctor(engine: scene.engine).records()
            #expect(findings.map(\.message) == ["stuck-jobs: job:1 is a JSON string: expected a hash"])
            #expect(findings.map(\.advice) == ["add format: json"])
            _ = try await scene.send("SET", "job:1", "é")
            #expect(try await remarks(scene) == ["warning stuck-jobs: job:1 is a plain string: expected a hash"])
        }
        try await withSweepScene(SweepJSON.stuck) { scene in
            try await scene.write("job:1", ["status": "PROCESSING"])
            #expect(try await remarks(scene) == ["warning stuck-jobs: job:1 is a hash: expected a JSON string"])
        }
    }

    @Test("scores that can't be of the index's unit are a problem")
    func scores() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            _ = try await scene.send("ZADD", "jobs:deadlines", "1790000000", "a")
            let remarks = try await remarks(scene)
            #expect(remarks.count == 1 && remarks[0].hasPrefix("problem stuck-jobs: jobs:deadlines can't be an index"))
        }
    }
}

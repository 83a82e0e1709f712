import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What a sweep of groups with counters leaves in Redis, verdict by verdict.
@Suite("sweep: counters", .tags(.ownServer), .everyTopology)
struct SweepCountersTests {
    struct Ending: Sendable, CustomTestStringConvertible {
        let name: String
        /// queued, processing, completed, failed of a group of ten.
        let before: [Int]
        let after: [Int]
        let status: String
        let action: String
        let drift: String
        var testDescription: String { name }
    }

    static let endings = [
        Ending(
            name: "all ended", before: [0, 0, 7, 3], after: [0, 0, 7, 3], status: "completed", action: "complete",
            drift: "0"),
        Ending(
            name: "some missing", before: [0, 0, 4, 1], after: [0, 0, 4, 6], status: "completed", action: "complete",
            drift: "5"),
        Ending(
            name: "nothing completed", before: [0, 0, 0, 1], after: [0, 0, 0, 10], status: "failed", action: "fail",
            drift: "9"),
        Ending(
            name: "more than there are", before: [2, 3, 8, 4], after: [0, 0, 8, 2], status: "completed",
            action: "complete", drift: "7"),
        Ending(
            name: "a negative one", before: [-1, 0, 6, 2], after: [0, 0, 6, 4], status: "completed",
            action: "complete", drift: "3"),
    ]

    static func group(_ counts: [Int], status: String = "processing", at time: String) -> [String: String] {
        var fields = ["status": status, "updated_at": time, "total_requested": "10"]
        for (name, count) in zip(["queued", "processing", "completed", "failed"], counts) { fields[name] = "\(count)" }
        return fields
    }

    @Test("a group past its time is closed with counts that add up", arguments: endings, WrittenTime.allCases)
    func closes(ending: Ending, form: WrittenTime) async throws {
        try await withSweepScene(SweepCleanups.counters) { scene in
            let time = form.text(scene.began - .seconds(4 * 3_600))
            try await scene.write(
                "generation:g", Self.group(ending.before, at: time), index: "generations", id: "g")

            let result = try await scene.run("stuck-generations")

            #expect(result.cleanedUp == 1 && result.records.map(\.action) == [ending.action])
            #expect(try await scene.hash("generation:g") == Self.group(ending.after, status: ending.status, at: time))
            #expect(try await scene.members("generations") == [])
            let event = try #require(try await scene.stream(scene.keys.events).first)
            #expect(event["from"] == "processing" && event["to"] == ending.status && event["action"] == ending.action)
            #expect(event["before"]?.contains("\"status\":\"processing\"") == true)
            #expect(try await scene.stream(scene.keys.metrics).map { $0["drift"] } == [ending.drift])
            #expect(try await scene.stream(scene.keys.runs).map { $0["policy"] } == ["counters"])
        }
    }

    @Test("a group whose tasks are still active is left as it is, due, and counted as stalled")
    func stalled() async throws {
        try await withSweepScene(SweepCleanups.counters) { scene in
            let time = WrittenTime.iso8601.text(scene.began - .seconds(4 * 3_600))
            try await scene.write("generation:g", Self.group([1, 2, 3, 4], at: time), index: "generations", id: "g")
            let before = try await scene.dump()
            let result = try await scene.run("stuck-generations")
            #expect(result.stalled == 1 && result.totalFound == 0 && result.status == .completed)
            #expect(try await scene.dump() == before)
        }
    }

    @Test("a group whose counters can't be true while tasks are active is recounted from its members and watched on")
    func recounts() async throws {
        let members = "\n  members: {set: \"generation:<id>:tasks\", record: \"task:<id>\"}"
        try await withSweepScene(SweepCleanups.counters + members.replacing("<id>:tasks", with: "<name>:tasks")) {
            scene in
            let time = WrittenTime.seconds.text(scene.began - .seconds(4 * 3_600))
            var group = Self.group([9, 9, 0, 0], at: time)
            group["name"] = "g"
            try await scene.write("generation:g", group, index: "generations", id: "g")
            let statuses = ["queued", "processing", "completed", "completed", "failed"]
            for (number, status) in statuses.enumerated() {
                try await scene.write("task:\(number)", ["status": status])
                _ = try await scene.send("SADD", "generation:g:tasks", "\(number)")
            }
            _ = try await scene.send("SADD", "generation:g:tasks", "gone")

            let result = try await scene.run("stuck-generations")

            #expect(result.records.map(\.action) == ["recount"] && result.stalled == 1)
            var expected = Self.group([1, 1, 2, 1], at: time)
            expected["name"] = "g"
            #expect(try await scene.hash("generation:g") == expected)
            let score = try #require(try await scene.score("g", in: "generations"))
            #expect(score >= (scene.began + .seconds(3 * 3_600)).milliseconds)
            // Off by 8 queued, 8 processing, 2 completed and 1 failed.
            #expect(try await scene.stream(scene.keys.metrics).map { $0["drift"] } == ["19"])
        }
    }

    @Test("with stalled: fail, active tasks count as failed")
    func stalledFails() async throws {
        try await withSweepScene(SweepCleanups.counters + "\n  stalled: fail") { scene in
            let time = WrittenTime.seconds.text(scene.began - .seconds(4 * 3_600))
            try await scene.write("generation:g", Self.group([1, 2, 3, 4], at: time), index: "generations", id: "g")
            let result = try await scene.run("stuck-generations")
            #expect(result.records.map(\.action) == ["fail"])
            #expect(try await scene.hash("generation:g") == Self.group([0, 0, 3, 7], status: "failed", at: time))
        }
    }

    @Test("a young group is re-scored to its deadline, a finished one leaves the index")
    func leaves() async throws {
        try await withSweepScene(SweepCleanups.counters) { scene in
            let updated = scene.began - .seconds(3_600)
            let time = WrittenTime.milliseconds.text(updated)
            try await scene.write("generation:g", Self.group([0, 0, 7, 3], at: time), index: "generations", id: "g")
            try await scene.write(
                "generation:h", Self.group([0, 0, 7, 3], status: "completed", at: time), index: "generations", id: "h")
            #expect(try await scene.run("stuck-generations").totalFound == 0)
            #expect(try await scene.members("generations") == ["g"])
            #expect(try await scene.score("g", in: "generations") == (updated + .seconds(3 * 3_600)).milliseconds)
        }
    }
}

import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// One record that can't be dealt with is that record's error: nothing of it is half-done, and the others go on.
@Suite("sweep: malformed records and wrong types", .tags(.ownServer), .everyTopology)
struct SweepMalformedTests {
    /// Runs a sweep over one stuck job that is spoilt and one that isn't, and expects the spoilt one's error alone.
    private func expectRefused(
        _ cleanups: String = SweepCleanups.stuck, because reason: String, spoil: (SweepScene) async throws -> Void
    ) async throws {
        try await withSweepScene(cleanups) { scene in
            var job = SweepStuckTests.job(.milliseconds, started: scene.began - .seconds(600))
            try await scene.write("job:bad", job, index: "jobs:deadlines", id: "bad", due: Timestamp(milliseconds: 1))
            job["userId"] = "u2"
            try await scene.write("job:good", job, index: "jobs:deadlines", id: "good")
            try await spoil(scene)
            let before = try await scene.dump()

            let result = try await scene.run("stuck-jobs")

            #expect(result.status == .completedWithErrors)
            #expect(result.totalFound == 2 && result.cleanedUp == 1 && result.failed == 1 && result.skipped == 0)
            #expect(result.errors.map(\.id) == ["bad"])
            let error = result.errors.first?.error ?? ""
            #expect(error.contains(reason), "the error was: \(error)")
            let after = try await scene.dump()
            for key in before.keys where !key.hasSuffix("good") && !key.contains("u2") && key != "jobs:deadlines" {
                #expect(after[key] == before[key], "\(key) was changed")
            }
            #expect(Set(after.keys).subtracting(before.keys).allSatisfy { $0.contains("u2") || $0 == "jobs:queued" })
            #expect(try await scene.hash("job:good")["status"] != "PROCESSING")
            #expect(try await scene.score("bad", in: "jobs:deadlines") == 1)
            let events = try await scene.stream(scene.keys.events)
            #expect(events.filter { $0["action"] != "error" }.map { $0["record"] } == ["good"])
            let told = events.filter { $0["action"] == "error" }
            #expect(told.map { $0["record"] } == ["bad"] && told.first?["key"] == "job:bad")
            #expect(told.first?["reason"]?.readable == error.readable)
        }
    }

    private func set(_ field: String, _ value: String) -> (SweepScene) async throws -> Void {
        { scene in _ = try await scene.send("HSET", "job:bad", field, value) }
    }

    @Test(
        "an unreadable time is an error, not a guess",
        arguments: [
            "yesterday", "-5", "1e9x", "2023-07-22", "12345678901234567", " 1690000000", "81234.567", "20261129",
            "20261129123031", "4102444800",
        ])
    func time(text: String) async throws {
        try await expectRefused(because: "processingStartedAt is “\(text)”", spoil: set("processingStartedAt", text))
    }

    @Test("a missing time is an error")
    func noTime() async throws {
        try await expectRefused(because: "processingStartedAt and updatedAt missing") { scene in
            _ = try await scene.send("HDEL", "job:bad", "processingStartedAt")
        }
    }

    @Test("a missing, negative or unreadable amount is an error", arguments: ["", "-10", "ten", "1.5e3"])
    func amount(text: String) async throws {
        try await expectRefused(because: "tokensCost", spoil: set("tokensCost", text))
    }

    @Test("a record without the field that a key needs is an error")
    func noUser() async throws {
        try await expectRefused(because: "userId is missing", spoil: set("userId", ""))
    }

    @Test("a heartbeat that can't be read is an error")
    func heartbeat() async throws {
        try await expectRefused(because: "heartbeatAt is “soon”", spoil: set("heartbeatAt", "soon"))
    }

    @Test("a time or a number that is no text is an error", arguments: ["processingStartedAt", "tokensCost"])
    func binary(field: String) async throws {
        try await expectRefused(because: "\(field) is “\u{10FFFF}1\u{10FFC0}”") { scene in
            var set = RedisCommand("HSET", ["job:bad", field])
            set.append([0xFF, 0x31, 0xC0] as [UInt8])
            _ = try await scene.redis.send(set)
        }
    }

    @Test("a record that is a list, or a plain string, is an error", arguments: ["list", "string"])
    func record(type: String) async throws {
        try await expectRefused(because: type == "list" ? "job:bad is a list" : "job:bad is a plain string") { scene in
            _ = try await scene.send("DEL", "job:bad")
            if type == "list" { _ = try await scene.send("RPUSH", "job:bad", "x") }
            if type == "string" { _ = try await scene.send("SET", "job:bad", "x") }
        }
    }

    @Test("a balance that is a list refuses the whole change")
    func balance() async throws {
        try await expectRefused(because: "WRONGTYPE") { _ = try await $0.send("RPUSH", "user:u1:tokens", "5") }
    }

    @Test("a balance that is not a number refuses the whole change", arguments: ["many", "9223372036854775807", "1,5"])
    func balanceText(text: String) async throws {
        try await expectRefused(because: "ERR") { _ = try await $0.send("SET", "user:u1:tokens", text) }
    }

    @Test("a ledger that is a string refuses the whole change")
    func ledger() async throws {
        try await expectRefused(because: "WRONGTYPE") { _ = try await $0.send("SET", "user:u1:refunds", "x") }
    }

    @Test("a queue that is a set refuses the whole change")
    func queue() async throws {
        let perUser = SweepCleanups.retried.replacing("queue: jobs:queued", with: "queue: \"queue:<userId>\"")
        try await expectRefused(perUser, because: "queue:u1 is a set: expected a list") {
            _ = try await $0.send("SADD", "queue:u1", "x")
        }
    }

    @Test("an index that is a list fails the run and says so")
    func index() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            _ = try await scene.send("RPUSH", "jobs:deadlines", "a")
            let result = try await scene.run("stuck-jobs")
            #expect(result.status == .failed && result.error?.contains("WRONGTYPE") == true)
            #expect(try await scene.stream(scene.keys.runs).map { $0["status"] } == ["failed"])
        }
    }

    @Test("an events stream that is a string refuses every change, and nothing is written")
    func events() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            let job = SweepStuckTests.job(.seconds, started: scene.began - .seconds(600))
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")
            _ = try await scene.send("SET", scene.keys.events, "x")
            let before = try await scene.dump()
            let result = try await scene.run("stuck-jobs")
            #expect(result.failed == 1 && result.cleanedUp == 0)
            #expect(result.errors.first?.error.contains("is a string: expected a stream") == true)
            #expect(try await scene.dump() == before)
        }
    }
}

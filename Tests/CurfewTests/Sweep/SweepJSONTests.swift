import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What a sweep of records that are JSON strings leaves in Redis: the written fields, and all else byte for byte.
@Suite("sweep: JSON records", .tags(.ownServer), .everyTopology)
struct SweepJSONTests {
    /// How an app writes a time in JSON.
    struct Time: Sendable, CustomTestStringConvertible {
        let form: WrittenTime
        let isQuoted: Bool
        var testDescription: String { "\(form)\(isQuoted ? ", a text" : "")" }

        static let all = [
            Time(form: .seconds, isQuoted: false), Time(form: .milliseconds, isQuoted: false),
            Time(form: .milliseconds, isQuoted: true), Time(form: .iso8601, isQuoted: true),
        ]

        func json(_ time: Timestamp) -> String { isQuoted ? "\"\(form.text(time))\"" : form.text(time) }
    }

    @Test("a stuck job fails, is refunded, and is otherwise as the app wrote it", arguments: Time.all)
    func fails(time: Time) async throws {
        try await withSweepScene(SweepJSON.stuck) { scene in
            let started = scene.began - .seconds(600)
            let before = SweepJSON.job(time.json(started))
            try await scene.write(json: before, "job:a", index: "jobs:deadlines", id: "a")
            _ = try await scene.send("PEXPIRE", "job:a", "50000000")

            let result = try await scene.run("stuck-jobs")

            #expect(result.status == .completed && result.cleanedUp == 1 && result.tokensRefunded == 10)
            let after = try #require(try await scene.text("job:a"))
            let finished = try #require(try JSONRecord(after)["finishedAt"])
            #expect(try #require(time.form.time(finished)) > scene.began - time.form.grain)
            let written = time.isQuoted ? "\"\(finished)\"" : finished
            let error = try #require(try JSONRecord(after)["error"])
            #expect(error.hasPrefix("stuck in PROCESSING for 10m") && error.hasSuffix(" (timeout 5m)"))
            let members = #","error":"\#(error)","finishedAt":\#(written) }"#
            let expected = before.replacing("PROCESSING", with: "FAILED").dropLast(3) + members + "\n"
            #expect(after == expected)
            #expect(try await scene.send("PTTL", "job:a").integer ?? 0 > 40_000_000)
            #expect(try await scene.text("user:u1:tokens") == "10")
            #expect(try await scene.hash("user:u1:refunds") == ["job:a@\(time.form.text(started))": "10"])
            #expect(try await scene.members("jobs:deadlines") == [])
            let event = try #require(try await scene.stream(scene.keys.events).first)
            #expect(
                event["before"]?.hasPrefix(
                    #"{"meta.status":"PROCESSING","error":null,"finishedAt":null,"curfew:after":{"error":"stuck in "#)
                    == true)
        }
    }

    @Test("a job is retried until its tries are used up, counted in numbers, and then failed")
    func retries() async throws {
        try await withSweepScene(SweepJSON.retried) { scene in
            let before = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)").replacing("1 , ", with: "0,")
            try await scene.write(json: before, "job:a", index: "jobs:deadlines", id: "a")
            for attempt in 1...2 {
                #expect(try await scene.run("stuck-jobs").retried == 1)
                let text = try #require(try await scene.text("job:a"))
                let job = try JSONRecord(text)
                #expect(try job["meta.status"] == "QUEUED" && text.contains(#""attempts": \#(attempt),"tags""#))
                let recoveries = try #require(try await scene.text(scene.keys.recoveries("stuck-jobs", of: "a")))
                #expect(recoveries.split(separator: ",").count == attempt && !text.contains("recoveries"))
                let again = try JSONRecord.setting([FieldWrite(field: "meta.status", value: "PROCESSING")], in: text)
                try await scene.write(json: again, "job:a", index: "jobs:deadlines", id: "a")
            }
            #expect(try await scene.send("LRANGE", "jobs:queued", "0", "-1").elements.map(\.string) == ["a", "a"])
            let result = try await scene.run("stuck-jobs")
            #expect(result.records.map(\.action) == ["fail"] && result.tokensRefunded == 10)
        }
    }

    @Test("a job that had finished is completed, and one whose worker lives is left")
    func completes() async throws {
        try await withSweepScene(SweepJSON.stuck) { scene in
            let job = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)")
            let done = job.replacing(#""result": null"#, with: #""result": {"url": "https://files.example/cat.png"}"#)
            try await scene.write(json: done, "job:done", index: "jobs:deadlines", id: "done")
            let alive = job.replacing(#""result": null"#, with: #""worker": {"id": "w1"}"#)
            try await scene.write(json: alive, "job:alive", index: "jobs:deadlines", id: "alive")
            _ = try await scene.send("SET", "worker:w1:alive", "1")

            let result = try await scene.run("stuck-jobs")

            #expect(result.records.map(\.action) == ["complete"] && result.tokensRefunded == 0)
            let after = try #require(try await scene.text("job:done"))
            #expect(after.hasPrefix(done.replacing("PROCESSING", with: "COMPLETED").dropLast(3)))
            #expect(try await scene.text("job:alive") == alive)
            #expect(try await scene.members("jobs:deadlines") == ["alive"])
        }
    }

    @Test("a young job is re-scored, a final and a missing one are dropped, and none is written to")
    func leaves() async throws {
        try await withSweepScene(SweepJSON.stuck) { scene in
            let started = scene.began - .seconds(60)
            try await scene.write(
                json: SweepJSON.job("\(started.milliseconds)"), "job:young", index: "jobs:deadlines", id: "young")
            try await scene.write(
                json: SweepJSON.job("1", status: "COMPLETED"), "job:done", index: "jobs:deadlines", id: "done")
            try await scene.write(json: #"{"other": true}"#, "job:other", index: "jobs:deadlines", id: "other")
            _ = try await scene.send("ZADD", "jobs:deadlines", "1", "gone")
            let before = try await scene.dump().filter { $0.key != "jobs:deadlines" }

            let result = try await scene.run("stuck-jobs")
            #expect(result.records.map { [$0.id, $0.action] } == [["gone", "drop"]] && result.totalFound == 1)

            #expect(try await scene.dump().filter { $0.key != "jobs:deadlines" } == before)
            #expect(try await scene.members("jobs:deadlines") == ["young", "other"])
            #expect(
                try await scene.score("young", in: "jobs:deadlines") == (started + .seconds(300)).milliseconds)
        }
    }

    static let malformed: [(String, String)] = [
        ("no JSON", "job:bad: no valid JSON at byte 0: expected a value"),
        ("{\"meta\": {\"status\": \"PROCESSING\"}", "job:bad: no valid JSON at byte 33: expected “,” or “}”"),
        ("[]", "job:bad: the JSON is a list: expected an object"),
        (#"{"meta": "PROCESSING"}"#, "job:bad: meta is a text: expected an object, for meta.status"),
        (#"{"meta": {"status": {}}}"#, "job:bad: meta.status is an object: expected a text, a number or a flag"),
        (
            #"{"meta": {"status": "PROCESSING", "status": "COMPLETED"}}"#,
            "job:bad: “status” is there a second time at byte 34: expected each name once"
        ),
        (
            #"{"meta": {"status": "PROCESSING"}}"#,
            "timing.startedAt missing: expected Unix seconds, Unix milliseconds, ISO 8601 or RFC 2822"
        ),
        (
            #"{"meta": {"status": "PROCESSING"}, "timing": {"startedAt": 1600000000}}"#,
            "cost.tokens is missing: the refund needs it, an amount like 12 or 12.50, 0 or more"
        ),
        (
            #"{"meta": {"status": "PROCESSING"}, "timing": {"startedAt": 1.5e3}}"#,
            "timing.startedAt is “1.5e3”: no Unix time has so many digits, expected 10 of seconds, 13 of milliseconds, "
                + "16 of microseconds or 19 of nanoseconds"
        ),
    ]

    @Test("a record that is no such JSON is that record's error, and the others go on", arguments: malformed)
    func noSuchJSON(json: String, message: String) async throws {
        try await expectRefused(message) { scene in
            try await scene.write(json: json, "job:bad", index: "jobs:deadlines", id: "bad")
        }
    }

    @Test("a record that is no string is that record's error", arguments: ["hash", "list"])
    func noString(type: String) async throws {
        let messages = [
            "hash": "job:bad is a hash: expected a string of JSON",
            "list": "job:bad is a list: expected a string of JSON",
        ]
        try await expectRefused(try #require(messages[type])) { scene in
            _ = try await scene.send("ZADD", "jobs:deadlines", "1", "bad")
            switch type {
            case "hash": try await scene.write("job:bad", ["meta.status": "PROCESSING"])
            default: _ = try await scene.send("RPUSH", "job:bad", "x")
            }
        }
    }

    private func expectRefused(_ message: String, spoil: (SweepScene) async throws -> Void) async throws {
        try await withSweepScene(SweepJSON.stuck) { scene in
            try await spoil(scene)
            let job = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)")
            try await scene.write(json: job, "job:good", index: "jobs:deadlines", id: "good")
            let before = try await scene.dump()["job:bad"]
            let result = try await scene.run("stuck-jobs")
            #expect(result.status == .completedWithErrors && result.cleanedUp == 1)
            #expect(result.errors.map { "\($0.id): \($0.error)" } == ["bad: \(message)"])
            #expect(try await scene.dump()["job:bad"] == before)
            #expect(try await scene.members("jobs:deadlines") == ["bad"])
        }
    }

    @Test("explain and preview show the fields and write nothing")
    func explains() async throws {
        try await withSweepScene(SweepJSON.stuck) { scene in
            let job = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)")
            try await scene.write(json: job, "job:a", index: "jobs:deadlines", id: "a")
            let before = try await scene.dump(withOwn: true)
            let cleanup = try scene.cleanup("stuck-jobs")
            let explanation = try await Explanation.make(engine: scene.engine, cleanup: cleanup, id: "a")
            #expect(explanation.verdict == "fail" && explanation.fields["meta.status"] == "PROCESSING")
            #expect(explanation.fields["cost.tokens"] == "10" && explanation.change?.to == "FAILED")
            let preview = try await Preview(engine: scene.engine).run(cleanup)
            #expect(preview.records.map(\.id) == ["a"] && preview.tokensRefunded == 10)
            #expect(try await scene.dump(withOwn: true) == before)
        }
    }
}

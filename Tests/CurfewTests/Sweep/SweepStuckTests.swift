import Foundation
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What a sweep of stuck jobs leaves in Redis, verdict by verdict.
@Suite("sweep: stuck jobs", .tags(.ownServer), .everyTopology)
struct SweepStuckTests {
    static func job(_ form: WrittenTime, started: Timestamp) -> [String: String] {
        [
            "status": "PROCESSING", "processingStartedAt": form.text(started), "userId": "u1", "tokensCost": "10",
            "prompt": "a cat",
        ]
    }

    @Test(
        "a stuck job fails with its reason and the time in its own form, is refunded, and leaves the index",
        arguments: WrittenTime.allCases)
    func fails(form: WrittenTime) async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            let started = scene.began - .seconds(600)
            try await scene.write("job:a", Self.job(form, started: started), index: "jobs:deadlines", id: "a")
            _ = try await scene.send("SET", "user:u1:tokens", "5")

            let result = try await scene.run("stuck-jobs")

            #expect(result.status == .completed && result.totalFound == 1 && result.cleanedUp == 1)
            #expect(result.tokensRefunded == 10)
            #expect(result.message == "Cleaned up 1 of 1 stuck-jobs and refunded 10 tokens")
            var job = try await scene.hash("job:a")
            let written = job.removeValue(forKey: "finishedAt") ?? ""
            let finished = try #require(form.time(written))
            #expect(finished > scene.began - form.grain && finished <= scene.began + .seconds(60))
            let reason = job.removeValue(forKey: "error") ?? ""
            #expect(reason.hasPrefix("stuck in PROCESSING for 10m") && reason.hasSuffix(" (timeout 5m)"))
            var expected = Self.job(form, started: started)
            expected["status"] = "FAILED"
            #expect(job == expected)
            #expect(try await scene.text("user:u1:tokens") == "15")
            #expect(try await scene.hash("user:u1:refunds") == ["job:a@\(form.text(started))": "10"])
            #expect(try await scene.members("jobs:deadlines") == [])
            #expect(try await scene.send("EXISTS", "jobs:queued").integer == 0)
        }
    }

    @Test("the event of a change has all thirteen fields and the image of what it overwrote")
    func event() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            var job = Self.job(.milliseconds, started: scene.began - .seconds(3_600))
            job["tier"] = "TIER_4K"
            job["error"] = "said \"no\"\n"
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")

            let result = try await scene.run("stuck-jobs")

            let events = try await scene.stream(scene.keys.events)
            let event = try #require(events.first)
            #expect(events.count == 1)
            let names = [
                "run", "cleanup", "record", "key", "action", "from", "to", "reason", "type", "tokens", "bytes",
                "before", "at_ms",
            ]
            #expect(event.fields.map(\.name) == names)
            let values = ["stuck-jobs-1", "stuck-jobs", "a", "job:a", "fail", "PROCESSING", "FAILED"]
            #expect(event.fields.prefix(7).map(\.value) == values)
            let reason = try #require(event["reason"])
            #expect(reason.hasPrefix("stuck in PROCESSING for 1h: processingStartedAt was "))
            #expect(reason.hasSuffix(", timeout 20m for TIER_4K; no workerId"))
            #expect(event["type"] == "TIER_4K" && event["tokens"] == "10" && event["bytes"] == "0")
            let at = try #require(event["at_ms"].flatMap { Int64($0) })
            #expect((scene.began.milliseconds...scene.began.milliseconds + 60_000).contains(at))
            let before = #"{"status":"PROCESSING","error":"said \"no\"\n","finishedAt":null,"#
            #expect(event["before"]?.hasPrefix(before + #""curfew:after":{"error":"stuck in "#) == true)
            #expect(result.records.first?.type == "TIER_4K" && result.records.first?.timeoutMs == 1_200_000)
        }
    }

    @Test("history and metrics get one entry each, with every field of the contract")
    func reports() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            var job = Self.job(.seconds, started: scene.began - .seconds(3_600))
            job["tier"] = "TIER_4K"
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")
            try await scene.write("job:b", ["status": "PROCESSING"], index: "jobs:deadlines", id: "b")

            try await scene.run("stuck-jobs")

            let run = try #require(try await scene.stream(scene.keys.runs).first)
            #expect(
                run.fields.map(\.name) == [
                    "run", "cleanup", "policy", "instance", "fence", "trigger", "dry_run", "status", "due_ms",
                    "started_ms", "finished_ms", "found", "changed", "retried", "skipped", "failed", "refunded",
                    "bytes_freed", "absent", "actions", "error",
                ])
            let values = ["stuck-jobs-1", "stuck-jobs", "stuck", "test-1", "1", "manual", "0", "completed_with_errors"]
            #expect(run.fields.prefix(8).map(\.value) == values)
            #expect(
                run.fields.dropFirst(11).map(\.value) == ["2", "1", "0", "0", "1", "10", "0", "0", "{\"fail\":1}", ""])
            let metrics = try await scene.stream(scene.keys.metrics)
            let metric = try #require(metrics.first)
            #expect(metrics.count == 1 && metric["kind"] == "run" && metric["run"] == "stuck-jobs-1")
            #expect(
                metric.fields.map(\.name) == [
                    "kind", "cleanup", "run", "duration_ms", "lag_ms", "oldest_overdue_ms", "drift", "found", "changed",
                    "retried", "skipped", "failed", "refunded", "bytes_freed", "absent", "backlog",
                    "stalled", "seen", "action:fail", "type:TIER_4K", "seen:TIER_4K",
                ])
            #expect(metric["backlog"] == "1" && metric["type:TIER_4K"] == "1" && metric["changed"] == "1")
            let oldest = try #require(metric["oldest_overdue_ms"].flatMap { Int64($0) })
            #expect(oldest >= 1_000)
            #expect(try await scene.send("EXISTS", scene.keys.lease("stuck-jobs")).integer == 0)
        }
    }

    @Test("a job that had finished is completed without a refund", arguments: WrittenTime.allCases)
    func completes(form: WrittenTime) async throws {
        try await withSweepScene(SweepCleanups.retried) { scene in
            var job = Self.job(form, started: scene.began - .seconds(600))
            job["resultUrl"] = "https://files.example/cat.png"
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")

            let result = try await scene.run("stuck-jobs")

            #expect(result.records.map(\.action) == ["complete"] && result.tokensRefunded == 0)
            let after = try await scene.hash("job:a")
            #expect(after["status"] == "COMPLETED" && after["error"] == nil)
            #expect(form.time(after["finishedAt"] ?? "") != nil)
            #expect(try await scene.existing("user:u1:tokens", "user:u1:refunds", "jobs:queued") == 0)
            #expect(try await scene.members("jobs:deadlines") == [])
        }
    }

    @Test(
        "a job with tries left goes back to the queue, a list or a stream, and stays watched",
        arguments: ["list", "stream"])
    func retries(queue: String) async throws {
        try await withSweepScene(SweepCleanups.retried) { scene in
            if queue == "stream" { _ = try await scene.send("XADD", "jobs:queued", "*", "id", "first") }
            var job = Self.job(.seconds, started: scene.began - .seconds(600))
            job["attempts"] = "1"
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")

            let result = try await scene.run("stuck-jobs")

            #expect(result.retried == 1 && result.cleanedUp == 1 && result.tokensRefunded == 0)
            let after = try await scene.hash("job:a")
            #expect(after["status"] == "QUEUED" && after["attempts"] == "2" && after["error"] == nil)
            let note = scene.keys.recoveries("stuck-jobs", of: "a")
            let recovery = try #require(try await scene.text(note).flatMap { Int64($0) })
            #expect(after["recoveries"] == nil)
            let left = try #require(try await scene.send("PTTL", note).integer)
            #expect(left > 71 * 3_600_000 && left <= 72 * 3_600_000)
            #expect(recovery >= scene.began.milliseconds)
            #expect(try await scene.score("a", in: "jobs:deadlines") == recovery + 300_000)
            if queue == "stream" {
                let entries = try await scene.stream("jobs:queued")
                #expect(entries.map { $0["id"] } == ["first", "a"] && entries.last?.fields.count == 1)
            } else {
                #expect(try await scene.send("LRANGE", "jobs:queued", "0", "-1").elements.map(\.string) == ["a"])
            }
            #expect(try await scene.send("EXISTS", "user:u1:tokens").integer == 0)
        }
    }

    @Test(
        "a live job, a beating one, one in another state, a finished and a missing one are left, re-scored or dropped")
    func leaves() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            var alive = Self.job(.milliseconds, started: scene.began - .seconds(600))
            alive["workerId"] = "w1"
            _ = try await scene.send("SET", "worker:w1:alive", "1")
            var beating = Self.job(.iso8601, started: scene.began - .seconds(600))
            let beat = scene.began - .seconds(60)
            beating["heartbeatAt"] = WrittenTime.iso8601.text(beat)
            let records = [
                "alive": alive, "beating": beating, "queued": ["status": "QUEUED"], "done": ["status": "COMPLETED"],
            ]
            for (id, fields) in records {
                try await scene.write("job:\(id)", fields, index: "jobs:deadlines", id: id)
            }
            _ = try await scene.send("ZADD", "jobs:deadlines", "1000", "gone")
            let before = try await scene.dump().filter { $0.key != "jobs:deadlines" }

            let result = try await scene.run("stuck-jobs")

            #expect(result.records.map { [$0.id, $0.action] } == [["gone", "drop"]] && result.status == .completed)
            #expect(try await scene.dump().filter { $0.key != "jobs:deadlines" } == before)
            #expect(Set(try await scene.members("jobs:deadlines")) == ["alive", "beating", "queued"])
            #expect(try await scene.score("alive", in: "jobs:deadlines") == (scene.began - .seconds(1)).milliseconds)
            #expect(try await scene.score("beating", in: "jobs:deadlines") == (beat + .seconds(300)).milliseconds)
            let queued = try #require(try await scene.score("queued", in: "jobs:deadlines"))
            #expect(queued > scene.began.milliseconds)
            let events = try await scene.stream(scene.keys.events)
            #expect(
                events.map { [$0["record"], $0["action"], $0["before"]] } == [["gone", "drop", #"{"score":"1000"}"#]])
        }
    }
}

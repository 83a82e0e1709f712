import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("The routes that existing callers know", .tags(.ownServer))
struct AdminCallerTests {
    @Test("POST /api/admin/jobs/cleanup answers exactly what its callers read", arguments: Depth.allCases)
    func jobs(_ depth: Depth) async throws {
        try await withAdmin { scene in
            for id in ["a", "b"] { try await scene.stick(id) }
            try await scene.application().test(depth.setup) { client in
                let body = "{\"timeoutMs\": 60000, \"dryRun\": false, \"batchSize\": 1}"
                let answer = try await client.ask(.post, "/api/admin/jobs/cleanup", body)
                #expect(answer.status == 200)
                #expect(try Set(answer.json.keys) == ["success", "result", "message"])
                let result = try #require(try answer.json["result"] as? [String: Any])
                #expect(Set(result.keys) == ["totalFound", "cleanedUp", "failed", "tokensRefunded", "jobs", "errors"])
                #expect(result["cleanedUp"] as? Int == 1 && result["tokensRefunded"] as? Int == 9)
                let jobs = try #require(result["jobs"] as? [[String: Any]])
                #expect(jobs.first?["id"] as? String == "a" && jobs.first?["to"] as? String == "FAILED")
                #expect((result["errors"] as? [Any])?.isEmpty == true)
            }
        }
    }

    @Test("GET /api/cron/cleanup-jobs runs what the name stands for, /api/cron/<cleanup> that cleanup")
    func cron() async throws {
        try await withAdmin(cleanups: AdminScene.cleanups + "\nroutes: {nightly: [old-jobs, old-downloads]}") { scene in
            try await scene.stick("a")
            try await scene.application().test(.live) { client in
                let jobs = try await client.ask(.get, "/api/cron/cleanup-jobs", token: AdminScene.cron)
                #expect(try (jobs.json["result"] as? [String: Any])?["cleanedUp"] as? Int == 1)
                let one = try await client.ask(.get, "/api/cron/stuck-plans", token: AdminScene.cron)
                #expect(try (one.json["result"] as? [String: Any])?["trigger"] as? String == "cron")
                #expect(try await client.ask(.get, "/api/cron/nightly", token: AdminScene.cron).status == 200)
                let unknown = try await client.ask(.get, "/api/cron/nothing", token: AdminScene.cron)
                #expect(try unknown.status == 404 && unknown.message.contains("stuck-jobs"))
                #expect(try await scene.deeds().first == "run by cron@127.0.0.1")
            }
        }
    }

    @Test("without a batch size in body or file it is 100 for each cleanup", arguments: [nil, 7, 130] as [Int?])
    func batchSize(_ limit: Int?) async throws {
        let cleanups = AdminScene.cleanups.replacing(
            "timeout: 5m, to: FAILED", with: "timeout: 5m, \(limit.map { "limit: \($0), " } ?? "")to: FAILED")
        try await withAdmin(cleanups: cleanups) { scene in
            for number in 1...120 { try await scene.stick("j\(number)") }
            try await scene.application().test(.router) { client in
                let asked = try await client.ask(.post, "/api/admin/jobs/cleanup", "{\"batchSize\": 3}").json
                #expect(asked["message"] as? String == "Successfully cleaned up 3 stuck jobs and refunded 27 tokens")
                let answer = try await client.ask(.post, "/api/admin/jobs/cleanup", "{}").json
                let count = min(limit ?? 100, 117)
                #expect(
                    answer["message"] as? String
                        == "Successfully cleaned up \(count) stuck jobs and refunded \(9 * count) tokens")
                #expect((answer["result"] as? [String: Any])?["cleanedUp"] as? Int == count)
            }
        }
    }

    @Test("the message of callers is for runs about jobs without errors; others say what they have always said")
    func messages() async throws {
        try await withAdmin(cleanups: AdminScene.cleanups + "\nroutes: {nightly: [old-jobs, stuck-jobs]}") { scene in
            @Sendable func message(_ client: some TestClientProtocol, _ path: String, _ body: String? = nil)
                async throws -> String
            {
                try await client.ask(body == nil ? .get : .post, path, body).message
            }
            let path = "/api/admin/jobs/cleanup"
            try await scene.application().test(.router) { client in
                let nothing = "Successfully cleaned up 0 stuck jobs and refunded 0 tokens"
                #expect(try await message(client, path, "") == nothing)
                try await scene.stick("a")
                try await scene.send("HSET", "job:a", "cost", "1")
                #expect(
                    try await message(client, path, "{\"dryRun\": true}")
                        == "Would clean up 1 of 1 stuck-jobs and refund 1 tokens")
                #expect(
                    try await message(client, "/api/cron/cleanup-jobs")
                        == "Successfully cleaned up 1 stuck job and refunded 1 token")
                #expect(
                    try await message(client, "/api/cron/nightly")
                        == "Cleaned up 0 of 0 old-jobs. Cleaned up 0 of 0 stuck-jobs")
                for id in ["b", "c"] { try await scene.stick(id) }
                try await scene.send("HSET", "job:b", "cost", "many")
                #expect(
                    try await message(client, path, "{}")
                        == "Cleaned up 1 of 2 stuck-jobs and refunded 9 tokens (1 failed)")
            }
        }
    }

    /// A cleanup of each kind except files, which need storage.
    private static let kinds =
        AdminScene.cleanups + """

              generations: {policy: counters, every: 1h, records: "generation:<id>", index: generations, states: [running], since: [at], timeout: 3h, total: total, counters: {queued: later, processing: now, completed: done, failed: bad}}
              locks: {policy: locks, every: 1h, records: "lock:<id>", index: locks, since: [at], timeout: 3h}
              batches: {policy: paused, every: 1h, records: "batch:<id>", index: batches, states: [paused], since: [at]}
            """

    @Test("POST /api/jobs/run answers exactly the names that its callers know, each kind of cleanup under its own")
    func jobTypes() async throws {
        try await withAdmin(
            cleanups: Self.kinds.replacing("timeout: 5m,", with: "timeout: 5m, timeouts: {by: tier, BIG: 90s},")
        ) {
            scene in
            let now = try await scene.engine.serverClock().now.milliseconds
            for id in ["a", "b"] { try await scene.stick(id) }
            try await scene.send("HSET", "job:a", "tier", "BIG")
            try await scene.send("HSET", "job:x", "status", "RUNNING", "at", "never")
            try await scene.send("ZADD", "jobs", "0", "x")
            let day: Int64 = 86_400_000
            for (key, index, status, age) in [
                ("job:o", "old", "FAILED", 2 * day), ("download:d", "downloads", "x", 2 * day),
                ("download:e", "downloads", "x", 2 * day), ("plan:p", "plans", "PENDING", 2 * day),
                ("generation:g", "generations", "running", day), ("lock:l", "locks", "", day),
                ("batch:cancelled", "batches", "paused", 31 * day), ("batch:warned", "batches", "paused", 24 * day),
                ("batch:marked", "batches", "paused", 8 * day),
            ] {
                try await scene.send(
                    "HSET", key, "status", status, "at", String(now - age), "job", "gone", "total", "2", "done", "1",
                    "bad", "1")
                try await scene.send("ZADD", index, "0", String(key.split(separator: ":")[1]))
            }
            try await scene.application().test(.live) { client in
                let answer = try await client.ask(.post, "/api/jobs/run", "{\"job_type\": \"cleanup\"}")
                // The jobs were stuck for ten minutes and as long as the test took until then.
                let text = answer.text.replacing(/"elapsed_minutes":10[.0-9]*/, with: "\"elapsed_minutes\":10")
                #expect(
                    text == """
                        {"batches_cancelled":1,"cleaned_job_details":[\
                        {"elapsed_minutes":10,"job_id":"a","job_type":"BIG","status":"FAILED","timeout_minutes":1.5},\
                        {"elapsed_minutes":10,"job_id":"b","job_type":"","status":"FAILED","timeout_minutes":5}],\
                        "cleaned_jobs":2,"errors":["x: at is “never”: expected Unix seconds, Unix milliseconds, ISO 8601 or RFC 2822"],\
                        "expired_locks_removed":1,\
                        "files_deleted":0,"old_downloads_deleted":2,"old_jobs_deleted":1,\
                        "status":"completed_with_errors","stuck_generations_fixed":1,"stuck_plans_updated":1}

                        """, "\(answer.text)")
                let unknown = try await client.ask(.post, "/api/jobs/run", "{\"job_type\": \"other\"}")
                #expect(try unknown.status == 404 && unknown.message.hasPrefix("job_type: unknown type “other”"))
            }
        }
    }

    @Test("one cleanup that is held doesn't keep the others from being run, and is said")
    func partly() async throws {
        try await withAdmin { scene in
            let cleanup = try #require(scene.engine.configuration.cleanup(named: "old-jobs"))
            _ = try await scene.engine.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
            try await scene.stick("a")
            try await scene.application().test(.router) { client in
                let answer = try await client.ask(.post, "/api/jobs/run", "{\"job_type\": \"cleanup\"}").json
                #expect(answer["status"] as? String == "failed" && answer["cleaned_jobs"] as? Int == 1)
                #expect(
                    (answer["errors"] as? [String])?.first?.hasPrefix("old-jobs: old-jobs is already running on")
                        == true)
            }
        }
    }
}

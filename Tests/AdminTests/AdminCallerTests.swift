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

    @Test("POST /api/jobs/run counts each kind of cleanup under the name its callers know")
    func jobTypes() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            let old = String(try await scene.engine.serverClock().now.milliseconds - 2 * 86_400_000)
            for (key, index, id, status) in [
                ("job:o", "old", "o", "FAILED"), ("download:d", "downloads", "d", "x"),
                ("download:e", "downloads", "e", "x"),
                ("plan:p", "plans", "p", "PENDING"),
            ] {
                try await scene.send("HSET", key, "status", status, "at", old, "job", "gone")
                try await scene.send("ZADD", index, "0", id)
            }
            try await scene.application().test(.router) { client in
                let answer = try await client.ask(.post, "/api/jobs/run", "{\"job_type\": \"cleanup\"}")
                let json = try answer.json
                #expect(
                    Set(json.keys) == [
                        "status", "cleaned_jobs", "cleaned_job_details", "old_jobs_deleted", "old_downloads_deleted",
                        "stuck_plans_updated", "errors",
                    ])
                #expect(json["status"] as? String == "completed", "\(answer.text)")
                #expect(json["cleaned_jobs"] as? Int == 1 && json["old_jobs_deleted"] as? Int == 1)
                #expect(json["old_downloads_deleted"] as? Int == 2 && json["stuck_plans_updated"] as? Int == 1)
                #expect((json["cleaned_job_details"] as? [[String: Any]])?.first?["id"] as? String == "a")
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

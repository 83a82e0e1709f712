import Curfew
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("Jobs that nobody waits for", .tags(.ownServer), .timeLimit(.minutes(3)))
struct AdminJobTests {
    private static let body = "{\"job_type\": \"cleanup\"}"

    /// Small pages, so that a run takes a while and can be stopped in between.
    private static let slow = AdminScene.cleanups.replacing(
        "timeout: 5m, to: FAILED", with: "timeout: 5m, page: 20, to: FAILED")

    /// Stuck jobs, written by the server itself.
    private static func stick(_ count: Int, _ scene: AdminScene) async throws {
        let script = """
            local at = string.format('%.0f', redis.call('TIME')[1] * 1000 - 600000)
            for n = 1, \(count) do
              redis.call('HSET', 'job:' .. n, 'status', 'RUNNING', 'at', at, 'cost', 1, 'user', 'u')
              redis.call('ZADD', 'jobs', at, n)
            end
            """
        try await scene.send("EVAL", script, "0")
    }

    /// The application of another instance on the same Redis.
    private static func other(_ scene: AdminScene) throws -> some ApplicationProtocol {
        let engine = Engine(
            configuration: scene.engine.configuration, redis: scene.redis, instance: Instance(id: "other-1"),
            logger: scene.engine.logger)
        return try AdminServer(source: EngineSource(engine), logger: engine.logger).application()
    }

    private static func begin(_ client: some TestClientProtocol) async throws -> String {
        let begun = try await client.ask(.post, "/api/jobs/run?wait=false", body)
        #expect(begun.status == 202, "\(begun.text)")
        let id = try #require(try begun.json["id"] as? String)
        #expect(try begun.json["status"] as? String == "running" && begun.json.count == 2)
        #expect(begun.headers[.location] == "/api/jobs/\(id)")
        return id
    }

    /// The state once it isn't running any more, and every progress until then.
    private static func end(
        of id: String, _ client: some TestClientProtocol
    ) async throws -> (answer: AdminScene.Answer, course: [Int]) {
        var course: [Int] = []
        let answer = try await eventually("the job has ended", within: .seconds(100)) {
            let answer = try await client.ask(.get, "/api/jobs/\(id)", token: AdminScene.viewer)
            #expect(answer.status == 200, "\(answer.text)")
            course.append(try #require(try answer.json["progress"] as? Int))
            return try answer.json["status"] as? String == "running" ? nil : answer
        }
        return (answer, course)
    }

    @Test("202 with an id; another instance answers its state, at the end with the whole result")
    func whole() async throws {
        try await withAdmin { scene in
            for id in ["a", "b"] { try await scene.stick(id) }
            try await scene.application().test(.live) { first in
                try await Self.other(scene).test(.live) { second in
                    let id = try await Self.begin(first)
                    let text = try await Self.end(of: id, second).answer.text
                    let plain = text.replacing(/20[0-9-]+T[0-9:.]+Z/, with: "T").replacing(id, with: "ID")
                        .replacing(/"elapsed_minutes":10[.0-9]*/, with: "\"elapsed_minutes\":10")
                    #expect(
                        plain == """
                            {"ended_at":"T","id":"ID","instance":"test-1","job_type":"cleanup","progress":100,\
                            "result":{"batches_cancelled":0,"cleaned_job_details":[\
                            {"elapsed_minutes":10,"job_id":"a","job_type":"","status":"FAILED","timeout_minutes":5},\
                            {"elapsed_minutes":10,"job_id":"b","job_type":"","status":"FAILED","timeout_minutes":5}],\
                            "cleaned_jobs":2,"errors":[],"expired_locks_removed":0,"files_deleted":0,"old_downloads_deleted":0,\
                            "old_jobs_deleted":0,"status":"completed","stuck_generations_fixed":0,"stuck_plans_updated":0},\
                            "started_at":"T","started_by":"admin@127.0.0.1","status":"completed","step":"Done"}

                            """, "\(text)")
                    let lives = try await scene.send("PTTL", scene.engine.keys.group(id)).integer ?? 0
                    #expect((86_000_000...86_400_000).contains(lives))
                    let late = try await second.ask(.post, "/api/jobs/\(id)/cancel")
                    #expect(try late.status == 200 && late.json["success"] as? Bool == false)
                    #expect(try late.message == "the job \(id) is not running: it is completed")
                }
            }
        }
    }

    //  first instance             redis                       second instance
    //  POST …?wait=false ───────► group:<id>
    //  20 records a page          progress 20–90  ──────────► GET: running
    //                             cancel  ◄────────────────── POST …/cancel
    //  stops after its page
    //  runs no other              status cancelled  ────────► GET: cancelled
    @Test("cancelled from another instance, its run stops after a page, and the rest isn't run")
    func cancel() async throws {
        try await withAdmin(cleanups: Self.slow) { scene in
            try await Self.stick(20_000, scene)
            try await scene.application().test(.live) { first in
                try await Self.other(scene).test(.live) { second in
                    let id = try await Self.begin(first)
                    let running = try await eventually("jobs are handled") {
                        let json = try await second.ask(.get, "/api/jobs/\(id)").json
                        return json["step"] as? String == "Handling stale jobs…" ? json : nil
                    }
                    #expect(running["status"] as? String == "running" && running["instance"] as? String == "test-1")
                    #expect(running["cleanup"] as? String == "stuck-jobs" && running["result"] == nil)
                    #expect((20..<90).contains(running["progress"] as? Int ?? 0))
                    #expect(
                        try await second.ask(.post, "/api/jobs/\(id)/cancel", token: AdminScene.viewer).status == 403)
                    let asked = try await second.ask(.post, "/api/jobs/\(id)/cancel")
                    #expect(
                        asked.text == "{\"id\":\"\(id)\",\"message\":\"the job \(id) was asked to stop; the next run "
                            + "continues\",\"success\":true}\n")

                    let (answer, course) = try await Self.end(of: id, second)
                    #expect(try answer.json["status"] as? String == "cancelled", "\(answer.text)")
                    #expect(try answer.json["step"] as? String == "Cancelled")
                    #expect(try answer.json["error"] as? String == "the job was cancelled by admin@127.0.0.1")
                    #expect(course.allSatisfy { $0 < 90 } && course == course.sorted())
                    let result = try #require(try answer.json["result"] as? [String: Any])
                    let cleaned = try #require(result["cleaned_jobs"] as? Int)
                    #expect((1..<20_000).contains(cleaned))
                    #expect((result["cleaned_job_details"] as? [Any])?.count == min(cleaned, 100))
                    let runs = try await History(engine: scene.engine).last(10, of: scene.engine.keys.runs)
                    #expect(runs.map { $0["cleanup"] } == ["stuck-jobs"] && runs.first?["status"] == "cancelled")
                    let deed = try await History(engine: scene.engine).last(1, of: scene.engine.keys.events) {
                        $0["action"] == "cancel"
                    }
                    #expect(deed.first?["reason"] == "cancel by admin@127.0.0.1: the job \(id)")
                }
            }
        }
    }

    @Test("an instance that shuts down hands its run over and says so; the state outlives it")
    func shutdown() async throws {
        try await withAdmin(cleanups: Self.slow) { scene in
            try await Self.stick(20_000, scene)
            let id = try await scene.application().test(.live) { client in
                let id = try await Self.begin(client)
                try await eventually("jobs are handled") {
                    try await scene.send("HGET", "job:1", "status").string != "RUNNING"
                }
                return id
            }
            try await Self.other(scene).test(.live) { client in
                let json = try await client.ask(.get, "/api/jobs/\(id)").json
                #expect(json["status"] as? String == "cancelled", "\(json)")
                #expect(json["error"] as? String == "the instance is shutting down")
            }
            #expect(try await scene.send("HGET", "job:20000", "status").string == "RUNNING")
        }
    }

    @Test("a job whose instance is silent for longer than a lease is lost, and can't be cancelled")
    func lost() async throws {
        try await withAdmin(cleanups: AdminScene.cleanups + "\nworker: {lease: 1s, heartbeat: 1s}") { scene in
            let group = try await PublishedGroup.begin(scene.engine, type: "cleanup", cleanups: [], person: "ada")
            try await Self.other(scene).test(.live) { client in
                let (answer, _) = try await Self.end(of: group.id, client)
                #expect(try answer.json["status"] as? String == "lost", "\(answer.text)")
                let error = try answer.json["error"] as? String
                #expect(error?.hasPrefix("test-1 has not been heard of since ") == true)
                let late = try await client.ask(.post, "/api/jobs/\(group.id)/cancel")
                #expect(try late.json["success"] as? Bool == false)
                #expect(try await scene.send("HEXISTS", scene.engine.keys.group(group.id), "cancel").integer == 0)
            }
        }
    }

    @Test("an id that nobody has, or has any more, is 404, and touches no other key")
    func unknown() async throws {
        try await withAdmin { scene in
            let gone = try await PublishedGroup.begin(scene.engine, type: "cleanup", cleanups: [], person: "ada").id
            try await scene.send("DEL", scene.engine.keys.group(gone))
            try await scene.application().test(.router) { client in
                for id in [gone, "x", "run-1", "%00", "..%2Fx", "%FF%22", String(repeating: "a", count: 5_000)] {
                    for (method, path) in [(.get, ""), (.post, "/cancel")] as [(HTTPRequest.Method, String)] {
                        let answer = try await client.ask(method, "/api/jobs/\(id)\(path)")
                        #expect(answer.status == 404, "\(id.prefix(40)): \(answer.text)")
                        #expect(
                            try answer.message.contains("expected an id that POST /api/jobs/run?wait=false answered"))
                    }
                }
                #expect(try await scene.send("KEYS", "*group*").elements.isEmpty)
            }
        }
    }

    @Test("a request that can't be meant begins nothing and says what was expected")
    func refused() async throws {
        try await withAdmin(cleanups: AdminScene.cleanups + "\nroutes: {nightly: [old-jobs]}") { scene in
            try await scene.application().test(.router) { client in
                let run = "/api/jobs/run"
                for (path, body, status, message) in [
                    ("\(run)?wait=no", Self.body, 400, "wait: expected true or false, found “no”"),
                    ("\(run)?wiat=false", Self.body, 400, "wiat: unknown parameter (expected one of job_type, wait)"),
                    ("\(run)?wait=false", "{}", 400, "job_type: missing, expected “cleanup”"),
                    (
                        "\(run)?wait=false&job_type=stuck", "", 404,
                        "job_type: unknown type “stuck”, expected one of cleanup, nightly"
                    ),
                    ("\(run)?job_type=nightly", Self.body, 400, "job_type: expected one, found “nightly” in the query"),
                ] {
                    let answer = try await client.ask(.post, path, body)
                    #expect(try answer.status == status && answer.message.hasPrefix(message), "\(answer.text)")
                }
                #expect(try await scene.deeds().isEmpty)
                #expect(try await scene.send("KEYS", "*group*").elements.isEmpty)
                #expect(try await client.ask(.post, "\(run)?job_type=nightly", "").status == 200)
            }
        }
    }

    @Test("there is a limit to jobs that run at the same time")
    func limit() async throws {
        try await withAdmin { scene in
            let groups = BackgroundGroups()
            func begin() async throws {
                _ = try await groups.begin {
                    try await PublishedGroup.begin(scene.engine, type: "cleanup", cleanups: [], person: "ada")
                } body: { _ in
                }
            }
            for _ in 0..<BackgroundGroups.most { try await begin() }
            let error = await #expect(throws: AdminError.self) { try await begin() }
            #expect(error?.status == .serviceUnavailable && error?.headers[.retryAfter] == "5")
        }
    }
}

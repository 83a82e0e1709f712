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

@Suite("Acting over HTTP", .tags(.ownServer))
struct AdminActionTests {
    @Test("a run answers what it did, in the published form, and is recorded with who asked", arguments: Depth.allCases)
    func run(_ depth: Depth) async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.application().test(depth.setup) { client in
                let dry = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs", "{\"dryRun\": true}").json
                #expect((dry["result"] as? [String: Any])?["dryRun"] as? Bool == true)
                #expect(try await scene.send("HGET", "job:a", "status").string == "RUNNING")
                let answer = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").json
                #expect(answer["success"] as? Bool == true)
                #expect(answer["message"] as? String == "Cleaned up 1 of 1 stuck-jobs and refunded 9 tokens")
                let result = try #require(answer["result"] as? [String: Any])
                #expect(result["cleanedUp"] as? Int == 1 && result["tokensRefunded"] as? Int == 9)
                #expect(result["trigger"] as? String == "manual" && result["status"] as? String == "completed")
                #expect(try await scene.send("HGET", "job:a", "status").string == "FAILED")
                let address = depth == .live ? "127.0.0.1" : "local"
                #expect(try await scene.deeds() == ["run by admin@\(address): dry run", "run by admin@\(address)"])
            }
        }
    }

    @Test("without the trash nothing is kept of what a run removes, over the API and by the form of the dashboard")
    func withoutTrash() async throws {
        try await withAdmin { scene in
            @Sendable func write(_ id: String) async throws {
                _ = try await scene.send("HSET", "download:\(id)", "at", "1700000000")
                _ = try await scene.send("ZADD", "downloads", "1700000000000", id)
            }
            try await scene.application().test(.router) { client in
                let page = "/cleanups/old-downloads"
                try await write("a")
                let kept = try await client.ask(.post, "/api/v1\(page)/runs", "{\"noTrash\": false}").json
                #expect((kept["result"] as? [String: Any])?["cleanedUp"] as? Int == 1)
                #expect(try await scene.send("DEL", "curfew:trash:old-downloads-1:{download:a}").integer == 1)
                try await write("b")
                let gone = try await client.ask(.post, "/api/v1\(page)/runs", "{\"noTrash\": true}").json
                #expect((gone["result"] as? [String: Any])?["cleanedUp"] as? Int == 1)
                #expect(try await scene.send("KEYS", "curfew:trash:*").elements.isEmpty)
                try await write("c")
                let told = try await DashboardPageTests().press(client, page + "/run", ["noTrash": "1"], page: page)
                #expect(told.hasPrefix("Cleaned up 1 of 1"))
                #expect(try await scene.send("KEYS", "curfew:trash:*").elements.isEmpty)
                #expect(try await client.ask(.get, page).text.contains("name=\"noTrash\""))
                #expect(try await !client.ask(.get, "/cleanups/stuck-jobs").text.contains("name=\"noTrash\""))
            }
        }
    }

    @Test("a limit and a timeout of a request hold")
    func options() async throws {
        try await withAdmin { scene in
            for id in ["a", "b", "c"] { try await scene.stick(id) }
            try await scene.application().test(.router) { client in
                let path = "/api/v1/cleanups/stuck-jobs/runs"
                let patient = try await client.ask(.post, path, "{\"timeoutMs\": 3600000}").json
                #expect((patient["result"] as? [String: Any])?["totalFound"] as? Int == 0)
                let limited = try await client.ask(.post, path, "{\"limit\": 2}").json
                #expect((limited["result"] as? [String: Any])?["cleanedUp"] as? Int == 2)
            }
        }
    }

    @Test("where another holds the lease, the answer is 409 with the holder", arguments: Depth.allCases)
    func held(_ depth: Depth) async throws {
        try await withAdmin { scene in
            let other = Engine(
                configuration: scene.engine.configuration, redis: scene.redis, instance: Instance(id: "other-1"),
                logger: scene.engine.logger)
            let cleanup = try #require(other.configuration.cleanup(named: "stuck-jobs"))
            _ = try await other.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
            try await scene.application().test(depth.setup) { client in
                for (method, path, body) in [
                    (.post, "/api/v1/cleanups/stuck-jobs/runs", nil), (.get, "/api/cron/stuck-jobs", nil),
                    (.get, "/api/cron/cleanup-jobs", nil), (.post, "/api/admin/jobs/cleanup", "{}"),
                ] as [(HTTPRequest.Method, String, String?)] {
                    let answer = try await client.ask(method, path, body)
                    #expect(answer.status == 409)
                    #expect(try answer.json["holder"] as? String == "other-1")
                    #expect(try answer.message.hasPrefix("stuck-jobs is already running on other-1 (stuck-jobs-1, "))
                }
            }
        }
    }

    @Test("pause, its reason, resume and cancel")
    func operations() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let path = "/api/v1/cleanups/stuck-jobs"
                #expect(try await client.ask(.post, path + "/pause", "{\"why\": \"a “reason”\"}").status == 200)
                let held = try await client.ask(.post, path + "/runs")
                #expect(try held.status == 409 && held.json["why"] as? String == "a “reason”")
                #expect(try await client.ask(.post, path + "/resume").json["success"] as? Bool == true)
                #expect(try await client.ask(.post, path + "/resume").json["success"] as? Bool == false)
                #expect(try await client.ask(.post, path + "/cancel").json["success"] as? Bool == false)
                let cleanup = try #require(scene.engine.configuration.cleanup(named: "stuck-jobs"))
                _ = try await scene.engine.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
                #expect(try await client.ask(.post, path + "/cancel").json["run"] as? String == "stuck-jobs-1")
                let lease = scene.engine.keys.lease("stuck-jobs")
                #expect(try await scene.send("HGET", lease, "cancel").string == "admin@local")
                #expect(
                    try await scene.deeds() == [
                        "pause by admin@local: a “reason”", "resume by admin@local", "cancel by admin@local",
                    ])
            }
        }
    }

    @Test("a cleanup that no file has any more is forgotten; one that a file has, or nobody knows, is refused")
    func forget() async throws {
        try await withAdmin { scene in
            try await scene.send("ZADD", scene.engine.keys.schedule, "0", "gone")
            try await scene.send("HSET", scene.engine.keys.paused, "gone", "{\"why\": \"old\"}")
            try await scene.application().test(.router) { client in
                @Sendable func forget(_ name: String, token: String = AdminScene.admin) async throws
                    -> AdminScene.Answer
                {
                    try await client.ask(.post, "/api/v1/cleanups/\(name)/forget", token: token)
                }
                #expect(try await forget("gone", token: AdminScene.viewer).status == 403)
                #expect(try await scene.send("HEXISTS", scene.engine.keys.paused, "gone").integer == 1)
                #expect(
                    try await forget("gone").text
                        == "{\"cleanup\":\"gone\",\"message\":\"gone is forgotten; its history "
                        + "and its events stay\",\"success\":true}\n")
                #expect(try await scene.send("ZSCORE", scene.engine.keys.schedule, "gone").isNull)
                #expect(try await scene.send("HEXISTS", scene.engine.keys.paused, "gone").integer == 0)
                #expect(try await scene.deeds() == ["forget by admin@local"])
                let again = try await forget("gone")
                #expect(try again.status == 404 && again.message.hasPrefix("there is no cleanup “gone” to forget"))
                let own = try await forget("stuck-jobs")
                #expect(try own.status == 409 && own.message.contains("expected it to be removed from the file first"))
            }
        }
    }

    @Test("a run is undone, and what people did is not taken for changes of it")
    func undo() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.application().test(.router) { client in
                let run = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").json
                let id = try #require((run["result"] as? [String: Any])?["run"] as? String)
                let undone = try await client.ask(.post, "/api/v1/runs/\(id)/undo").json
                #expect(undone["success"] as? Bool == true)
                let result = try #require(undone["result"] as? [String: Any])
                #expect(result["totalFound"] as? Int == 1 && result["cleanedUp"] as? Int == 1)
                #expect(try await scene.send("HGET", "job:a", "status").string == "RUNNING")
                #expect(try await scene.deeds().last == "undo by admin@local: of \(id)")
                #expect(try await client.ask(.post, "/api/v1/runs/stuck-jobs-99/undo").status == 404)
                #expect(try await client.ask(.post, "/api/v1/runs/stuck-jobs-2/undo").status == 409)
            }
        }
    }
}

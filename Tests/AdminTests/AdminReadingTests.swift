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

@Suite("Reading over HTTP", .tags(.ownServer))
struct AdminReadingTests {
    @Test("cleanups, one of them, its preview and its numbers", arguments: Depth.allCases)
    func cleanups(_ depth: Depth) async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.application().test(depth.setup) { client in
                let all = try await client.ask(.get, "/api/v1/cleanups", token: AdminScene.viewer)
                let names = try #require(try all.json["cleanups"] as? [[String: Any]]).compactMap {
                    $0["name"] as? String
                }
                #expect(names.sorted() == ["old-downloads", "old-jobs", "stuck-jobs", "stuck-plans"])
                let one = try await client.ask(.get, "/api/v1/cleanups/stuck-jobs")
                let settings = try #require(try one.json["settings"] as? [String: Any])
                #expect(settings["records"] as? String == "job:<id>" && settings["schedule"] as? String == "every 1h")
                let preview = try await client.ask(.get, "/api/v1/cleanups/stuck-jobs/preview?limit=5&timeoutMs=1000")
                let result = try #require(try preview.json["result"] as? [String: Any])
                #expect(result["totalFound"] as? Int == 1 && result["dryRun"] as? Bool == true)
                let stats = try await client.ask(.get, "/api/v1/cleanups/stuck-jobs/stats")
                #expect(try stats.json["tracked"] as? Int == 1)
                #expect(try await scene.send("HGET", "job:a", "status").string == "RUNNING")
            }
        }
    }

    @Test("a preview looks ahead")
    func ahead() async throws {
        try await withAdmin { scene in
            let now = try await scene.engine.serverClock().now.milliseconds
            try await scene.send("HSET", "job:new", "status", "RUNNING", "at", String(now))
            try await scene.send("ZADD", "jobs", String(now + 300_000), "new")
            try await scene.application().test(.router) { client in
                for (query, found) in [("", 0), ("?at=10m", 1), ("?at=%2B10m", 1)] {
                    let answer = try await client.ask(.get, "/api/v1/cleanups/stuck-jobs/preview" + query)
                    #expect(try (answer.json["result"] as? [String: Any])?["totalFound"] as? Int == found)
                }
            }
        }
    }

    @Test("lists come in pages, each run and each event once, newest first")
    func pages() async throws {
        try await withAdmin { scene in
            for number in 0..<1_234 {
                try await scene.send(
                    "XADD", scene.engine.keys.runs, "\(number + 1)-0", "run", "r-\(number)", "cleanup",
                    number % 10 == 0 ? "tenth" : "other")
            }
            try await scene.application().test(.router) { client in
                for (filter, expected) in [("", 1_234), ("&cleanup=tenth", 124), ("&cleanup=none", 0)] {
                    var found: [String] = []
                    var cursor = ""
                    repeat {
                        let page = try await client.ask(.get, "/api/v1/runs?limit=97\(filter)\(cursor)").json
                        let items = try #require(page["items"] as? [[String: String]])
                        #expect(items.count <= 97)
                        found += items.compactMap { $0["run"] }
                        cursor = (page["next"] as? String).map { "&cursor=\($0)" } ?? ""
                    } while !cursor.isEmpty
                    #expect(found.count == expected && Set(found).count == expected)
                    let numbers = found.compactMap { Int($0.dropFirst(2)) }
                    #expect(numbers == numbers.sorted(by: >))
                }
            }
        }
    }

    @Test("a run is found while it is under way and after it, with its events; an unknown one is not")
    func run() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.send(
                "HSET", scene.engine.keys.lease("old-jobs"), "run", "old-jobs-7", "instance", "other", "progress", "40")
            try await scene.application().test(.router) { client in
                let ended = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").json
                let id = try #require((ended["result"] as? [String: Any])?["run"] as? String)
                #expect(try await client.ask(.get, "/api/v1/runs/\(id)").json["status"] as? String == "completed")
                let events = try await client.ask(.get, "/api/v1/runs/\(id)/events").json
                let items = try #require(events["items"] as? [[String: String]])
                #expect(items.map { $0["action"] } == ["fail", "run"])
                let running = try await client.ask(.get, "/api/v1/runs/old-jobs-7").json
                #expect(running["status"] as? String == "running" && running["progress"] as? String == "40")
                for path in ["/api/v1/runs/stuck-jobs-99", "/api/v1/runs/stuck-jobs-99/events", "/api/v1/runs/x"] {
                    #expect(try await client.ask(.get, path).status == 404)
                }
            }
        }
    }

    @Test("what was wrong with records of a run is a list of its own, and is on the run's page")
    func errors() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.stick("<b>")
            try await scene.send("HSET", "job:<b>", "at", "yesterday")
            try await scene.application().test(.router) { client in
                let ended = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").json
                let id = try #require((ended["result"] as? [String: Any])?["run"] as? String)
                let errors = try await client.ask(.get, "/api/v1/runs/\(id)/errors?limit=1").json
                let items = try #require(errors["items"] as? [[String: String]])
                #expect(items.map { $0["record"] } == ["<b>"] && items.first?["key"] == "job:<b>")
                #expect(items.first?["reason"]?.contains("yesterday") == true && items.first?["action"] == "error")
                #expect(try await client.ask(.get, "/api/v1/runs/stuck-jobs-99/errors").status == 404)
            }
        }
    }

    @Test("alerts say what fires now")
    func alerts() async throws {
        let alerts = "alerts:\n  many: {cleanup: stuck-jobs, metric: found, above: 0, severity: critical}"
        try await withAdmin(cleanups: AdminScene.cleanups + "\n" + alerts) { scene in
            try await scene.stick("a")
            try await scene.application().test(.router) { client in
                #expect(try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").status == 200)
                let answer = try await client.ask(.get, "/api/v1/alerts").json
                let firing = try #require(answer["firing"] as? [[String: Any]])
                #expect(firing.count == 1 && firing.first?["alert"] as? String == "many")
                #expect(firing.first?["severity"] as? String == "critical")
                let items = try #require(answer["items"] as? [[String: String]])
                #expect(items.first?["state"] == "firing")
            }
        }
    }

    @Test("it lives without Redis, says that it isn't ready, and is again when Redis is back")
    func health() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                #expect(try await client.ask(.get, "/healthz", token: nil).status == 200)
                await scene.server.kill()
                #expect(try await client.ask(.get, "/healthz", token: nil).status == 200)
                let ready = try await client.ask(.get, "/readyz", token: nil)
                #expect(try ready.status == 503 && !ready.message.contains(scene.server.folder))
                let away = try await client.ask(.get, "/api/v1/cleanups")
                #expect(try away.status == 503 && away.headers[.retryAfter] != nil && !away.message.isEmpty)
                try await scene.server.restart()
                while try await client.ask(.get, "/readyz", token: nil).status != 200 { await Task.yield() }
            }
        }
    }
}

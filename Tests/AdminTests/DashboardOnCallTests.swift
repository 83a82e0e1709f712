import Curfew
import HTTPTypes
import HummingbirdTesting
import RedisClient
import TestNeeds
import Testing

@testable import Admin

/// What somebody looks for who was woken by an alert.
@Suite("Dashboard: on call", .tags(.ownServer))
struct DashboardOnCallTests {
    @Test("an alert that fires says since when, and what alerts did is listed")
    func alerts() async throws {
        let alert = "\nalerts:\n  many: {cleanup: stuck-jobs, metric: found, above: 0, severity: critical}"
        try await withAdmin(cleanups: AdminScene.cleanups + alert) { scene in
            try await scene.stick("a")
            try await scene.application().test(.router) { client in
                #expect(try await client.ask(.get, "/").text.contains("No recent alerts."))
                _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs")
                let page = try await client.ask(.get, "/").text
                #expect(page.contains("many is firing for stuck-jobs: found 1, limit 0.</a> Since <time "))
                #expect(page.contains("<span class=\"state critical\">firing</span>"))
                _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs")
                #expect(try await client.ask(.get, "/").text.contains("<span class=\"state good\">resolved</span>"))
            }
        }
    }

    @Test("an index that can't be counted is said, on the first page and on its own")
    func uncounted() async throws {
        try await withAdmin { scene in
            try await scene.send("SET", "jobs", "text")
            try await scene.application().test(.router) { client in
                let page = try await client.ask(.get, "/").text
                #expect(page.contains("The records of stuck-jobs can&#39;t be counted: jobs: WRONGTYPE "))
                let own = try await client.ask(.get, "/cleanups/stuck-jobs").text
                #expect(own.contains("The records can&#39;t be counted: jobs: WRONGTYPE "))
                let answer = try await client.ask(.get, "/api/v1/cleanups/stuck-jobs").json
                let cleanup = try #require(answer["cleanup"] as? [String: Any])
                #expect((cleanup["uncounted"] as? String)?.hasPrefix("jobs: WRONGTYPE ") == true)
            }
        }
    }

    @Test("what somebody did to a whole cleanup names it, and belongs to no run")
    func deeds() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                _ = try await client.ask(.post, "/api/v1/cleanups/old-jobs/pause", "{\"why\": \"deploying\"}")
                let page = try await client.ask(.get, "/").text
                #expect(page.contains("<th scope=\"row\"><a href=\"/cleanups/old-jobs\"><bdi>old-jobs</bdi></a></th>"))
                #expect(page.contains("<td data-label=\"Run\"></td>") && !page.contains("href=\"/runs/\""))
            }
        }
    }

    @Test("a run that left something undone says where to look, and one under way where to stop it")
    func remarks() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.send("HSET", "job:bad", "status", "RUNNING", "at", "never")
            try await scene.send("ZADD", "jobs", "1", "bad")
            try await scene.application().test(.router) { client in
                _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs")
                let page = try await client.ask(.get, "/runs/stuck-jobs-1").text
                #expect(page.contains("<a href=\"/cleanups/stuck-jobs/preview\">the preview lists them"))
                // When the next one is due says nothing about a run that somebody asked for.
                #expect(!page.contains("<dt>Due</dt>"))
                let lease = scene.engine.keys.lease("old-jobs")
                try await scene.send("HSET", lease, "run", "old-jobs-9", "instance", "web-2", "trigger", "schedule")
                let running = try await client.ask(.get, "/runs/old-jobs-9").text
                #expect(running.contains("This run is not finished: <a href=\"/cleanups/old-jobs\">"))
                #expect(!running.contains("Undo this run"))
            }
        }
    }

    @Test("settings are all that the file says, but for what is secret")
    func settings() async throws {
        let cleanups = AdminScene.cleanups.replacing("cost, balance", with: "\"${AMOUNT:-cost}\", balance")
            .replacing("timeout: 5m, to", with: "timeout: 5m, ping: \"http://127.0.0.1:1/secret-path\", to")
        try await withAdmin(cleanups: cleanups) { scene in
            try await scene.application().test(.router) { client in
                let page = try await client.ask(.get, "/cleanups/stuck-jobs").text
                for (name, value) in [
                    ("refund.amount", "cost"), ("refund.balance", "user:&lt;user&gt;:tokens"), ("timeout", "5m"),
                    ("to", "FAILED"), ("States", "RUNNING"),
                ] {
                    #expect(page.contains("<dt>\(name)</dt><dd><bdi>\(value)</bdi></dd>"), "\(name)")
                }
                #expect(!page.contains("secret-path"))
            }
        }
    }
}

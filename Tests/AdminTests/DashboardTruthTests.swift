import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Admin

/// The first page says that all is well only where it is, and otherwise what is wrong, why, and what to do.
@Suite("Dashboard: the truth", .tags(.ownServer))
struct DashboardTruthTests {
    /// Reports this instance as alive, as its worker would, and everything as due only later.
    private func live(_ scene: AdminScene, running: String = "") async throws {
        let keys = scene.engine.keys
        let now = try await scene.engine.serverClock().now.milliseconds
        for cleanup in scene.engine.configuration.cleanups {
            try await scene.send("ZADD", keys.schedule, "\(now + 3_600_000)", cleanup.name)
            let definition =
                "{\"policy\":\"\(cleanup.kind.rawValue)\",\"records\":\"\(cleanup.records)\",\"index\":\"\(cleanup.index ?? "")\","
                + "\"every_ms\":\"3600000\",\"cron\":\"\",\"timezone\":\"\",\"off\":\"\",\"configs\":\""
                + "\(scene.engine.configuration.fingerprint)\",\"by\":\"test-1\",\"at\":\"\"}"
            try await scene.send("HSET", keys.definitions, cleanup.name, definition)
        }
        try await scene.send("ZADD", keys.instances, "\(now)", "test-1")
        try await scene.send(
            "HSET", keys.instance("test-1"), "host", "test", "config", scene.engine.configuration.fingerprint,
            "running",
            running)
    }

    private func verdict(_ client: some TestClientProtocol) async throws -> (headline: String, lines: [String]) {
        let page = try await client.ask(.get, "/").text
        let part = try #require(page.firstMatch(of: /<div id="concerns"[^>]*>(.*?)<\/div><\/div>/.dotMatchesNewlines()))
        let headline = try #require(part.1.firstMatch(of: /<p class="verdict">(.*?)<\/p>/))
        let lines = part.1.matches(of: /<li [^>]*>(.*?)<\/li>/).map { $0.1.replacing(/<[^>]*>/, with: "") }
        // On a busy machine some seconds pass before the page is made.
        return (String(headline.1), lines.map { String($0.replacing(/([0-9]m)[0-9]+s/) { $0.output.1 }) })
    }

    @Test("all is well only where the last run of every cleanup did all that it had to")
    func lastRuns() async throws {
        try await withAdmin { scene in
            try await live(scene)
            try await scene.application().test(.router) { client in
                #expect(try await verdict(client).headline == "All is well: 4 cleanups on time.")
                // A malformed record.
                try await scene.send("HSET", "job:bad", "status", "RUNNING", "at", "never")
                try await scene.send("ZADD", "jobs", "1", "bad")
                _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs")
                var now = try await verdict(client)
                #expect(now.headline == "1 warning, nothing critical.")
                #expect(
                    now.lines.first?.hasPrefix("Warning: The last run of stuck-jobs left 1 record with errors.") == true
                )
                // A run that fails as a whole, twice.
                try await scene.send("SET", "old", "text")
                for _ in 0..<2 { _ = try await client.ask(.post, "/api/v1/cleanups/old-jobs/runs") }
                now = try await verdict(client)
                #expect(now.lines.first?.hasPrefix("Critical: The last run of old-jobs failed, 2 in a row: ") == true)
                #expect(now.headline == "\(now.lines.count) things need attention.")
                let answer = try await client.ask(.get, "/api/v1/cleanups").json
                let cleanups = try #require(answer["cleanups"] as? [[String: Any]])
                let last = try #require(
                    cleanups.first { $0["name"] as? String == "old-jobs" }?["lastRun"] as? [String: Any])
                #expect(last["status"] as? String == "failed" && last["failuresInARow"] as? Int == 2)
                #expect((answer["concerns"] as? [[String: Any]])?.count == now.lines.count)
                let table = try await client.ask(.get, "/").text
                #expect(table.contains("<td data-label=\"Last run\"><span class=\"last\"><a href=\"/runs/old-jobs-2\""))
                // What is mended is well again; a dry run that somebody asked for says nothing about it.
                try await scene.send("DEL", "old")
                _ = try await client.ask(.post, "/api/v1/cleanups/old-jobs/runs", "{\"dryRun\": true}")
                #expect(try await verdict(client).lines.first?.contains("old-jobs failed") == true)
                _ = try await client.ask(.post, "/api/v1/cleanups/old-jobs/runs")
                #expect(try await verdict(client).headline == "1 warning, nothing critical.")
            }
        }
    }

    @Test("what couldn't be delivered is said, and the number of the headline is that of the lines")
    func undelivered() async throws {
        let webhooks = "\nwebhooks:\n  ops: {url: \"http://127.0.0.1:1/x\", on: [alert]}"
        try await withAdmin(cleanups: AdminScene.cleanups + webhooks) { scene in
            try await live(scene)
            let keys = scene.engine.keys
            try await scene.application().test(.router) { client in
                let now = try await scene.engine.serverClock().now.milliseconds
                try await scene.send("ZADD", keys.webhook("ops"), "\(now)", "curfew:alerts:\(now)-0")
                #expect(try await verdict(client).headline.hasPrefix("All is well"))
                try await scene.send("ZADD", keys.webhook("ops"), "\(now)", "curfew:alerts:\(now - 720_000)-0")
                try await scene.send("LPUSH", keys.webhookDead("ops"), "{}", "{}")
                let found = try await verdict(client)
                #expect(found.headline == "1 thing needs attention.")
                #expect(
                    found.lines == [
                        "Critical: Undelivered to webhook ops: 2 messages were given up, 2 messages wait for up to 12m; "
                            + "“curfew doctor” says why."
                    ])
            }
        }
    }

    @Test("why a cleanup is overdue, and what to do: nobody is alive, nobody has it, all are busy, or it fails")
    func overdue() async throws {
        try await withAdmin { scene in
            let keys = scene.engine.keys
            try await scene.application().test(.router) { client in
                func late(_ name: String) async throws -> String {
                    let now = try await scene.engine.serverClock().now.milliseconds
                    try await scene.send("ZADD", keys.schedule, "\(now - 600_000)", name)
                    let found = try await verdict(client)
                    #expect(found.headline.hasPrefix("\(found.lines.count) "), "\(found)")
                    return found.lines.first { $0.contains("\(name) is overdue") } ?? "\(found)"
                }
                let nobody = try await late("stuck-jobs")
                #expect(nobody.contains("10m ago; no instance is alive. Start “curfew work”."), "\(nobody)")
                try await live(scene, running: "a,b,c,d")
                let busy = try await late("stuck-jobs")
                #expect(busy.contains("every instance that has it is busy with a, b, c, d. Raise worker.concurrency"))
                try await live(scene)
                let owed =
                    "{\"since_ms\":\"1\",\"due_ms\":\"1\",\"retry_ms\":\"\",\"attempts\":\"0\",\"error\":\"NOPERM x\"}"
                try await scene.send("HSET", keys.owed, "stuck-jobs", owed)
                let failing = try await late("stuck-jobs")
                #expect(failing.contains("its last run failed: NOPERM x. “curfew doctor” names the missing rights."))
                try await scene.send("HDEL", keys.owed, "stuck-jobs")
                let idle = try await late("stuck-jobs")
                #expect(idle.contains("test-1 has it and free places. Look at their logs"), "\(idle)")
                try await scene.send("HDEL", keys.definitions, "stuck-jobs")
                let missing = try await late("stuck-jobs")
                #expect(missing.contains("no living instance has it in its configuration. Start an instance with this"))
            }
        }
    }

    @Test("a cleanup that no file has is forgotten by a button; one that another living instance has isn't")
    func forget() async throws {
        try await withAdmin { scene in
            try await live(scene)
            let keys = scene.engine.keys
            let definition =
                "{\"policy\":\"locks\",\"records\":\"lock:<id>\",\"index\":\"\",\"every_ms\":\"1000\",\"cron\":\"\","
                + "\"timezone\":\"\",\"off\":\"\",\"configs\":\"other\",\"by\":\"x\",\"at\":\"\"}"
            try await scene.send("ZADD", keys.schedule, "1", "gone")
            try await scene.send("HSET", keys.definitions, "gone", definition)
            try await scene.application().test(.router) { client in
                let line = try #require(try await verdict(client).lines.first { $0.contains("gone is overdue") })
                #expect(line.hasPrefix("Warning: ") && line.contains("no living instance has it in its configuration"))
                #expect(line.contains("forget it with “curfew forget gone”"))
                let page = try await client.ask(.get, "/cleanups/gone").text
                #expect(page.contains("Forget this cleanup") && page.contains("Neither this instance nor another"))
                // An instance with the other configuration comes alive.
                let now = try await scene.engine.serverClock().now.milliseconds
                try await scene.send("ZADD", keys.instances, "\(now)", "web-2")
                try await scene.send("HSET", keys.instance("web-2"), "host", "h", "config", "other")
                let used = try await client.ask(.get, "/cleanups/gone").text
                #expect(used.contains("that of web-2 does") && !used.contains("Forget this cleanup"))
                try await scene.send("DEL", keys.instance("web-2"))
                try await scene.send("ZREM", keys.instances, "web-2")
                let pages = DashboardPageTests()
                let told = try await pages.press(client, "/cleanups/gone/forget", page: "/cleanups/gone")
                #expect(told == "gone is forgotten; its history and its events stay.")
                #expect(try await client.ask(.get, "/cleanups/gone").status == 404)
            }
        }
    }

    @Test("a preview is run as a plan: exactly what it showed, and what has changed since is left alone")
    func plan() async throws {
        try await withAdmin { scene in
            for id in ["a", "b"] { try await scene.stick(id) }
            try await scene.application().test(.router) { client in
                let path = "/cleanups/stuck-jobs"
                let preview = try await client.ask(.get, path + "/preview").text
                #expect(preview.contains("Run exactly these 2 changes"))
                #expect(
                    !(try await client.ask(.get, path + "/preview", token: AdminScene.viewer).text.contains(
                        "Run exactly")))
                let plan = try #require(preview.firstMatch(of: /name="plan" value="([^"]+)"/))
                // Due since, and changed since: neither is in what was shown.
                try await scene.stick("c")
                try await scene.send("HSET", "job:b", "status", "DONE")
                let pages = DashboardPageTests()
                let told = try await pages.press(
                    client, path + "/plan", ["plan": String(plan.1).replacing("&#43;", with: "+")], page: path)
                #expect(told.hasPrefix("Cleaned up 1 of 2 stuck-jobs"), "\(told)")
                #expect(try await scene.send("HGET", "job:a", "status").string == "FAILED")
                #expect(try await scene.send("HGET", "job:b", "status").string == "DONE")
                #expect(try await scene.send("HGET", "job:c", "status").string == "RUNNING")
                #expect(try await pages.press(client, path + "/plan", ["plan": "eA=="], page: path) == "400")
            }
        }
    }

    @Test("the guard is overridden with a reason, which is recorded with the name")
    func override() async throws {
        let cleanups = """
            cleanups:
              old: {policy: locks, every: 1h, records: "lock:<id>", index: locks, since: [at], timeout: 5m, guard: {share: 25%, beyond: 1}}
            """
        try await withAdmin(cleanups: cleanups) { scene in
            for id in ["a", "b", "c"] {
                try await scene.send("HSET", "lock:\(id)", "at", "1700000000")
                try await scene.send("ZADD", "locks", "1", id)
            }
            try await scene.application().test(.router) { client in
                let (path, pages) = ("/cleanups/old", DashboardPageTests())
                let page = try await client.ask(.get, path).text
                #expect(page.contains("Override the guard") && page.contains("data-question=\"Run old now? It removes"))
                #expect(try await pages.press(client, path + "/run", page: path).contains("refused"))
                #expect(try await pages.press(client, path + "/run", ["overrideGuard": "1"], page: path) == "400")
                let done = try await pages.press(
                    client, path + "/run", ["overrideGuard": "1", "overrideReason": "the workers are gone"], page: path)
                #expect(done.hasPrefix("Cleaned up 3 of 3 old"), "\(done)")
                #expect(
                    try await scene.deeds().contains("run by admin@local: over the guard, because the workers are gone")
                )
            }
        }
    }

    @Test("labels are shown, and a colour is never anything else")
    func labels() async throws {
        let cleanups = AdminScene.cleanups.replacing(
            "stuck-jobs: {policy: stuck,",
            with: "stuck-jobs: {title: \"Stuck <jobs>\", category: Jobs, color: \"#1A56b0\", policy: stuck,")
        try await withAdmin(cleanups: cleanups) { scene in
            try await scene.application().test(.router) { client in
                let page = try await client.ask(.get, "/").text
                #expect(page.contains(">Stuck &lt;jobs&gt;</a><span class=\"labels\">stuck-jobs · Jobs</span>"))
                #expect(page.contains("<circle cx=\"5\" cy=\"5\" r=\"5\" fill=\"#1a56b0\">"))
                let answer = try await client.ask(.get, "/api/v1/cleanups/stuck-jobs").json
                let cleanup = try #require(answer["cleanup"] as? [String: Any])
                #expect(cleanup["title"] as? String == "Stuck <jobs>" && cleanup["category"] as? String == "Jobs")
                #expect(cleanup["color"] as? String == "#1a56b0")
            }
        }
    }

    @Test(
        "charts go back a day, a week or a month, by type, with refunds and durations", arguments: ["24h", "7d", "30d"])
    func charts(range: String) async throws {
        try await withAdmin { scene in
            let now = try await scene.engine.serverClock().now.milliseconds
            for (days, type) in [(Int64(20), "<C>"), (3, "B"), (0, "A")] {
                try await scene.send(
                    "XADD", scene.engine.keys.metrics, "\(now - days * 86_400_000)-1", "kind", "run", "cleanup",
                    "stuck-jobs",
                    "changed", "3", "failed", "0", "refunded", "27", "duration_ms", "61000", "backlog", "1",
                    "type:\(type)", "3")
            }
            try await scene.application().test(.router) { client in
                for path in ["/charts?range=\(range)", "/charts?range=\(range)&cleanup=stuck-jobs"] {
                    let page = try await client.ask(.get, path).text
                    let types = ["A", "B", "&lt;C&gt;"].filter { page.contains(": 3 \($0)</title>") }
                    #expect(types == ["24h": ["A"], "7d": ["A", "B"]][range] ?? ["A", "B", "&lt;C&gt;"], "\(path)")
                    #expect(page.contains(": 27 refunded</title>") && page.contains("max 1m1s"))
                    #expect(page.contains("href=\"/charts?range=30d") && page.contains("aria-current=\"page\""))
                    #expect(page.contains("Measurements are kept for 7d.") == (range == "30d"))
                }
                #expect(try await client.ask(.get, "/charts?range=1y").status == 400)
                #expect(try await client.ask(.get, "/charts?cleanup=none").status == 404)
                #expect(try await client.ask(.get, "/").text.contains("href=\"/charts?range=7d\""))
            }
        }
    }
}

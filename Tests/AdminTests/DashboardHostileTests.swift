import Curfew
import HTTPTypes
import HummingbirdTesting
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Admin

/// A cleanup whose record ids, statuses, reasons and error texts are HTML and script.
@Suite("Dashboard: hostile text", .tags(.ownServer))
struct DashboardHostileTests {
    private static let script = "</td></script><script>alert(1)</script>"
    private static let image = "\"'><img src=x onerror=alert(2)>"

    /// What must not be in any page: each is markup that nobody but the application wrote.
    private static let signs = ["<script>alert", "<img", "onerror=alert(2)>\"", "</td></script>"]

    @Test("whatever records and streams hold is shown as text")
    func text() async throws {
        try await withAdmin { scene in
            let since = String(try await scene.engine.serverClock().now.milliseconds - 600_000)
            for (id, at) in [(Self.script, since), (Self.image, since), ("bad" + Self.script, Self.image)] {
                try await scene.send(
                    "HSET", "job:\(id)", "status", "RUNNING", "at", at, "cost", "1", "user", Self.image)
                try await scene.send("ZADD", "jobs", "1", id)
            }
            try await scene.application().test(.router) { client in
                let preview = try await client.ask(.get, "/cleanups/stuck-jobs/preview")
                #expect(preview.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
                #expect(preview.text.contains("bad&lt;/td&gt;"))
                #expect(try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").status == 200)
                // And what somebody else may have written into the streams and keys of Curfew.
                for key in [scene.engine.keys.runs, scene.engine.keys.events, scene.engine.keys.metrics] {
                    var fields: [String] = []
                    for name in [
                        "kind", "run", "cleanup", "status", "instance", "trigger", "record", "reason", "action", "from",
                        "to", "found", "started_ms", "error",
                    ] {
                        fields += [name, Self.script + Self.image]
                    }
                    _ = try await scene.redis.send(
                        RedisCommand(
                            "XADD",
                            [key, "*"] + fields + [
                                "before", "{\"<script>alert\":\"<img\",\"curfew:after\":{\"x\":\"<img\"}}",
                            ]))
                }
                try await scene.send("HSET", scene.engine.keys.paused, "old-jobs", Self.script)
                try await scene.send("ZADD", scene.engine.keys.schedule, "1", Self.image)
                let strange = "/cleanups/\(PercentEncoding.encoded(Self.image))"
                for path in [
                    "/", "/cleanups/stuck-jobs", "/cleanups/old-jobs", "/runs/stuck-jobs-1", strange,
                    "/cleanups/stuck-jobs/preview", "/runs/" + PercentEncoding.encoded(Self.script + Self.image),
                ] {
                    let page = try await client.ask(.get, path)
                    #expect(page.status == 200, "\(path)")
                    for sign in Self.signs { #expect(!page.text.contains(sign), "\(path): \(sign)") }
                    #expect(page.text.ranges(of: "<script").count == 1, "\(path)")
                }
                #expect(try await client.ask(.get, "/").text.contains("onerror=alert(2)&gt;"))
            }
        }
    }
}

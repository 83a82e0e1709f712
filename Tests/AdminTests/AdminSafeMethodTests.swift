import Curfew
import HTTPTypes
import HummingbirdTesting
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("Methods that run nothing", .tags(.ownServer))
struct AdminSafeMethodTests {
    /// The routes that run something, with a body that they accept.
    private static let routes = [
        "/api/cron/cleanup-jobs", "/api/cron/stuck-jobs", "/api/cron/cleanup", "/api/admin/jobs/cleanup",
        "/api/jobs/run", "/api/jobs/run?job_type=cleanup", "/api/v1/cleanups/stuck-jobs/runs",
    ]

    /// Whether nothing was run, and nobody has asked for it.
    private static func isUntouched(_ scene: AdminScene) async throws -> Bool {
        let deeds = try await scene.deeds()
        let status = try await scene.send("HGET", "job:a", "status").string
        let fences = try await scene.send("EXISTS", scene.engine.keys.fence).integer
        return deeds.isEmpty && status == "RUNNING" && fences == 0
    }

    @Test("HEAD, OPTIONS and TRACE are answered with 405 and what is expected", arguments: Depth.allCases)
    func methods(_ depth: Depth) async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.application().test(depth.setup) { client in
                for route in Self.routes {
                    for method in [HTTPRequest.Method.head, .options, .trace] {
                        for token in [AdminScene.admin, AdminScene.cron] {
                            let answer = try await client.ask(method, route, token: token)
                            #expect(answer.status == 405, "\(method) \(route)")
                            let allowed = route.hasPrefix("/api/cron") ? "GET" : "POST"
                            #expect(answer.headers[.allow] == allowed, "\(method) \(route)")
                        }
                    }
                }
                #expect(try await Self.isUntouched(scene))
            }
        }
    }

    @Test(
        "a GET that only prefetches is refused, however it says so",
        arguments: [
            ("Sec-Purpose", "prefetch"), ("Sec-Purpose", "prefetch;prerender"),
            ("Sec-Purpose", "prefetch;anonymous-client-ip"), ("Purpose", "prefetch"), ("purpose", "Prerender"),
            ("X-Moz", "prefetch"), ("X-Purpose", "preview"),
        ])
    func prefetch(_ name: String, _ value: String) async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.application().test(.live) { client in
                let field = try #require(HTTPField.Name(name))
                for route in Self.routes.prefix(3) {
                    let answer = try await client.ask(.get, route, token: AdminScene.cron, headers: [field: value])
                    #expect(answer.status == 405 && answer.headers[.allow] == "GET", "\(route): \(answer.text)")
                    #expect(try answer.message.contains("runs nothing for a prefetch"))
                }
                #expect(try await Self.isUntouched(scene))
                let meant = try await client.ask(.get, Self.routes[0], token: AdminScene.cron, headers: [field: "none"])
                #expect(meant.status == 200)
                #expect(try await scene.send("HGET", "job:a", "status").string == "FAILED")
            }
        }
    }
}

import AsyncHTTPClient
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NIOHTTP1
import TestNeeds
import Testing

@testable import Admin

@Suite("Dashboard: live pages", .tags(.ownServer))
struct DashboardLiveTests {
    @Test("an open page is sent its parts, and then what changes")
    func stream() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                let port = try #require(client.port)
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/live?page=cleanup%3Astuck-jobs")
                request.headers.add(name: "Authorization", value: "Bearer \(AdminScene.viewer)")
                let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
                #expect(response.status == .ok)
                #expect(response.headers.first(name: "content-type") == "text/event-stream")
                var text = ""
                var isPaused = false
                for try await part in response.body {
                    text += String(buffer: part)
                    if text.contains("event: parts"), !isPaused {
                        isPaused = true
                        _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/pause", "{\"why\": \"<b>why\"}")
                    }
                    if text.contains("&lt;b&gt;why") { break }
                }
                #expect(isPaused && text.hasPrefix("retry: "))
            }
        }
    }

    @Test("a page that doesn't exist isn't watched")
    func unknown() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client async throws in
                let unknown = try await client.ask(.get, "/live?page=cleanup%3Anone")
                #expect(unknown.status == 404)
                let head = try await client.ask(.head, "/live?page=overview")
                #expect(head.status == 200)
            }
        }
    }
}

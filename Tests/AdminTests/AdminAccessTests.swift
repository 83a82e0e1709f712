import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import TestNeeds
import Testing

@testable import Admin

@Suite("Who may do what over HTTP", .tags(.ownServer))
struct AdminAccessTests {
    @Test("tokens decide who may look and who may act", arguments: Depth.allCases)
    func roles(_ depth: Depth) async throws {
        try await withAdmin { scene in
            try await scene.application().test(depth.setup) { client in
                for (token, reading, acting) in [
                    (nil, 401, 401), ("wrong-token-0123456789", 401, 401), (AdminScene.cron, 401, 401),
                    (AdminScene.viewer, 200, 403), (AdminScene.admin, 200, 200),
                ] {
                    let read = try await client.ask(.get, "/api/v1/cleanups", token: token)
                    let act = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/resume", token: token)
                    #expect(read.status == reading && act.status == acting, "\(token ?? "no token")")
                    if reading != 200 { #expect(try !read.message.isEmpty && read.headers[.wwwAuthenticate] != nil) }
                    #expect(!read.text.contains(AdminScene.admin) && !act.text.contains(AdminScene.admin))
                }
            }
        }
    }

    @Test("the cron secret opens the cron route, and nothing else does but the admin token")
    func cron() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                for (token, status) in [
                    (nil, 401), ("wrong-token-0123456789", 401), (AdminScene.viewer, 403), (AdminScene.cron, 200),
                    (AdminScene.admin, 200),
                ] {
                    let answer = try await client.ask(.get, "/api/cron/stuck-jobs", token: token)
                    #expect(answer.status == status, "\(token ?? "no token")")
                }
            }
        }
    }

    @Test("with a session, what another site made the browser send is refused")
    func sameSite() async throws {
        try await withAdmin { scene in
            let site = try #require(HTTPField.Name("Sec-Fetch-Site"))
            let referer = try #require(HTTPField.Name("Referer"))
            try await scene.application().test(.live) { client in
                let cookie = try await DashboardSignInTests.cookie(client)
                for (headers, status) in [
                    ([site: "same-origin"], 200), ([site: "cross-site"], 403), ([site: "same-site"], 403),
                    ([.origin: "https://evil.example"], 403), ([.origin: "null"], 403), ([:], 200),
                    ([referer: "https://evil.example/page"], 403),
                ] as [(HTTPFields, Int)] {
                    var headers = headers
                    headers[.cookie] = cookie
                    let answer = try await client.ask(
                        .post, "/api/v1/cleanups/stuck-jobs/resume", token: nil, headers: headers)
                    #expect(answer.status == status, "\(headers)")
                }
            }
        }
    }

    @Test("without tokens everybody on this machine may do everything, but not from another site's page")
    func open() async throws {
        try await withAdmin("http: {listen: \"127.0.0.1:0\", open: true}") { scene in
            try await scene.application().test(.live) { client in
                let path = "/api/v1/cleanups/stuck-jobs/resume"
                #expect(try await client.ask(.post, path, token: nil).status == 200)
                #expect(
                    try await client.ask(.post, path, token: nil, headers: [.origin: "http://evil.example"]).status
                        == 403)
                // A name of another site that was made to mean this machine.
                let rebound = "GET /api/v1/cleanups HTTP/1.1\r\nHost: evil.example:8470\r\nConnection: close\r\n\r\n"
                let answer = try await RawRequest.answer(to: rebound, port: try #require(client.port))
                #expect(answer.hasPrefix("HTTP/1.1 403 "))
                #expect(try await client.ask(.get, "/api/cron/stuck-jobs", token: nil).status == 200)
                let site = try #require(HTTPField.Name("Sec-Fetch-Site"))
                let forced = try await client.ask(
                    .get, "/api/cron/stuck-jobs", token: nil, headers: [site: "cross-site"])
                #expect(forced.status == 403)
            }
        }
    }
}

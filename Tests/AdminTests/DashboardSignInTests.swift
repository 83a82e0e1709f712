import AsyncHTTPClient
import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NIOHTTP1
import RedisClient
import TestNeeds
import Testing

@testable import Admin

@Suite("Dashboard: signing in", .tags(.ownServer))
struct DashboardSignInTests {
    /// The form token of a page.
    static func formToken(in page: String) throws -> String {
        let match = try #require(page.firstMatch(of: /name="form_token" value="([^"]+)"/))
        return String(match.1)
    }

    /// A form as a browser sends it.
    static func form(_ fields: [String: String]) -> String {
        fields.sorted { $0.key < $1.key }.map {
            "\(PercentEncoding.encoded($0.key))=\(PercentEncoding.encoded($0.value))"
        }
        .joined(separator: "&")
    }

    static let headers: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]

    /// Signs in and gives back the value of the `Cookie` header.
    static func cookie(_ client: some TestClientProtocol, token: String = AdminScene.admin) async throws -> String {
        let page = try await client.ask(.get, "/sign-in", token: nil)
        let body = form(["token": token, "form_token": try formToken(in: page.text)])
        let answer = try await client.ask(.post, "/sign-in", token: nil, body, headers: headers)
        #expect(answer.status == 303 && answer.headers[.location] == "/")
        let set = try #require(answer.headers[.setCookie])
        #expect(set.contains("HttpOnly") && set.contains("SameSite=Strict"))
        return String(try #require(set.split(separator: ";").first))
    }

    @Test("a page asks who isn't signed in to do so, and a wrong token doesn't help", arguments: Depth.allCases)
    func wrong(_ depth: Depth) async throws {
        try await withAdmin { scene in
            try await scene.application().test(depth.setup) { client in
                for path in ["/", "/cleanups/stuck-jobs", "/runs/stuck-jobs-1", "/cleanups/none/preview"] {
                    let answer = try await client.ask(.get, path, token: nil)
                    #expect(answer.status == 303 && answer.headers[.location] == "/sign-in", "\(path)")
                }
                let page = try await client.ask(.get, "/sign-in", token: nil)
                let token = try Self.formToken(in: page.text)
                let body = Self.form(["token": "wrong-token-<b>", "form_token": token])
                let answer = try await client.ask(.post, "/sign-in", token: nil, body, headers: Self.headers)
                #expect(answer.status == 401 && answer.headers[.setCookie]?.contains("curfew_session") != true)
                #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
                // The form is there again.
                #expect(answer.text.contains("type=\"password\"") && !answer.text.contains("wrong-token"))
                #expect(answer.text.contains("Invalid token."))
                #expect(try await client.ask(.get, "/live?page=overview", token: nil).status == 401)
            }
        }
    }

    @Test("a session shows the pages its token is for, until it is ended")
    func session() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let admin = try await Self.cookie(client)
                let viewer = try await Self.cookie(client, token: AdminScene.viewer)
                let page = try await client.ask(.get, "/cleanups/stuck-jobs", token: nil, headers: [.cookie: admin])
                #expect(page.status == 200 && page.text.contains("Run now"))
                let plain = try await client.ask(.get, "/cleanups/stuck-jobs", token: nil, headers: [.cookie: viewer])
                #expect(
                    plain.status == 200 && !plain.text.contains("Run now") && plain.text.contains("Signed in as viewer")
                )
                var headers = Self.headers
                headers[.cookie] = admin
                let body = Self.form(["form_token": try Self.formToken(in: page.text)])
                let end = try await client.ask(.post, "/sign-out", token: nil, body, headers: headers)
                #expect(end.status == 303 && end.headers[.setCookie]?.contains("Max-Age=0") == true)
            }
        }
    }

    @Test("a form without the token of its own session changes nothing")
    func forged() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let admin = try await Self.cookie(client)
                let viewer = try await Self.cookie(client, token: AdminScene.viewer)
                let foreign = try await client.ask(.get, "/", token: nil, headers: [.cookie: viewer])
                var headers = Self.headers
                headers[.cookie] = admin
                for token in [nil, "", "AAAA", try Self.formToken(in: foreign.text)] {
                    var fields = ["why": "x"]
                    fields["form_token"] = token
                    let answer = try await client.ask(
                        .post, "/cleanups/stuck-jobs/pause", token: nil, Self.form(fields), headers: headers)
                    #expect(answer.status == 403, "\(token ?? "none")")
                }
                let own = try Self.formToken(
                    in: try await client.ask(.get, "/", token: nil, headers: [.cookie: admin]).text)
                let body = Self.form(["why": "x", "form_token": own])
                for (name, value) in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")] {
                    var foreign = headers
                    foreign[try #require(HTTPField.Name(name))] = value
                    let answer = try await client.ask(
                        .post, "/cleanups/stuck-jobs/pause", token: nil, body, headers: foreign)
                    #expect(answer.status == 403, "\(name)")
                }
                var viewers = Self.headers
                viewers[.cookie] = viewer
                let viewerBody = Self.form(["why": "x", "form_token": try Self.formToken(in: foreign.text)])
                #expect(
                    try await client.ask(.post, "/cleanups/stuck-jobs/pause", token: nil, viewerBody, headers: viewers)
                        .status == 403)
                #expect(try await scene.send("EXISTS", scene.engine.keys.paused).integer == 0)
                let good = try await client.ask(.post, "/cleanups/stuck-jobs/pause", token: nil, body, headers: headers)
                #expect(good.status == 303)
                #expect(try await scene.send("HEXISTS", scene.engine.keys.paused, "stuck-jobs").integer == 1)
            }
        }
    }

    @Test("without tokens everybody on this machine may act, and nobody by another name of it")
    func open() async throws {
        try await withAdmin("http: {listen: \"127.0.0.1:0\", open: true}") { scene in
            try await scene.application().test(.live) { client in
                let page = try await client.ask(.get, "/cleanups/stuck-jobs", token: nil)
                #expect(page.status == 200 && !page.text.contains("Sign out"))
                let body = Self.form(["why": "x", "form_token": try Self.formToken(in: page.text)])
                let done = try await client.ask(
                    .post, "/cleanups/stuck-jobs/pause", token: nil, body, headers: Self.headers)
                #expect(done.status == 303)
                let port = try #require(client.port)
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/")
                request.headers.add(name: "Host", value: "evil.example")
                let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
                #expect(answer.status == .forbidden)
            }
        }
    }
}

import AsyncHTTPClient
import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import NIOCore
import NIOHTTP1
import RedisClient
import Synchronization
import TestNeeds
import Testing

@testable import Admin

@Suite("Sessions of the dashboard", .tags(.ownServer))
struct AdminSessionTests {
    private static func cookie(of answer: AdminScene.Answer, _ name: String) throws -> String {
        let set = answer.headers[values: .setCookie].first { $0.hasPrefix("\(name)=") }
        return String(try #require(set?.split(separator: ";").first))
    }

    private static func status(
        _ client: some TestClientProtocol, _ cookie: String, _ path: String = "/api/v1/cleanups"
    ) async throws -> Int {
        try await client.ask(.get, path, token: nil, headers: [.cookie: cookie]).status
    }

    @Test("nothing that a page or a cookie says can be made of a token by whoever guesses it")
    func oracle() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let (first, second) = (
                    try await client.ask(.get, "/sign-in", token: nil),
                    try await client.ask(.get, "/sign-in", token: nil)
                )
                let codes = try [first, second].map { try DashboardSignInTests.formToken(in: $0.text) }
                #expect(codes[0] != codes[1])
                let cookie = try await DashboardSignInTests.cookie(client)
                let secret = try #require(try await scene.send("GET", scene.engine.keys.secret).string)
                #expect(secret.wholeMatch(of: /[0-9a-f]{64}/) != nil)
                // With another secret, and the same tokens, none of it counts.
                try await scene.send("SET", scene.engine.keys.secret, String(repeating: "0", count: 64))
                #expect(try await Self.status(client, cookie) == 401)
            }
        }
    }

    @Test("signing out ends it for whoever has its cookie, on every instance")
    func signOut() async throws {
        try await withAdmin { scene in
            let other = EngineSource(scene.engine)
            let application = try AdminServer(source: other, logger: scene.engine.logger).application()
            try await scene.application().test(.router) { client in
                try await application.test(.router) { second in
                    let cookie = try await DashboardSignInTests.cookie(client)
                    let page = try await client.ask(.get, "/", token: nil, headers: [.cookie: cookie])
                    #expect(page.status == 200)
                    #expect(try await Self.status(second, cookie) == 200)
                    var headers = DashboardSignInTests.headers
                    headers[.cookie] = cookie
                    let code = try DashboardSignInTests.formToken(in: page.text)
                    let form = DashboardSignInTests.form(["form_token": code])
                    #expect(
                        try await client.ask(.post, "/sign-out", token: nil, form, headers: headers).status == 303)
                    for client in [client, second] as [any TestClientProtocol] {
                        #expect(try await Self.status(client, cookie) == 401)
                        #expect(try await Self.status(client, cookie, "/") == 303)
                    }
                }
            }
        }
    }

    @Test("it ends with its token, with its time in Redis, and with all others by one command; altered it is none")
    func ends() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let cookie = try await DashboardSignInTests.cookie(client)
                let viewer = try await DashboardSignInTests.cookie(client, token: AdminScene.viewer)
                for altered in [cookie.dropLast(2) + "AA", cookie + "A", "curfew_session=.", "curfew_session=a.b"] {
                    #expect(try await Self.status(client, String(altered)) == 401)
                }
                let names = try await scene.send("KEYS", "{curfew}:session:*").elements.compactMap(\.string)
                #expect(names.count == 2)
                for name in names {
                    #expect(!cookie.contains(name.split(separator: ":")[2]))
                    #expect(try await scene.send("PTTL", name).integer.map { $0 > 43_000_000 } == true)
                    #expect(try await scene.send("GET", name).string?.wholeMatch(of: /(admin|viewer)@.+/) != nil)
                }
                var configuration = scene.engine.configuration
                configuration.http?.adminToken = Secret("another-token-of-the-admin")
                scene.source.replace(
                    with: Engine(
                        configuration: configuration, redis: scene.redis, instance: scene.engine.instance,
                        logger: scene.engine.logger))
                #expect(try await Self.status(client, cookie) == 401)
                #expect(try await Self.status(client, viewer) == 200)
                try await Sessions(engine: scene.engine).endAll(by: "ada@web-1")
                #expect(try await Self.status(client, viewer) == 401)
                #expect(try await scene.deeds() == ["end-sessions by ada@web-1"])
                let last = try await DashboardSignInTests.cookie(client, token: AdminScene.viewer)
                for name in try await scene.send("KEYS", "{curfew}:session:*").elements.compactMap(\.string) {
                    try await scene.send("DEL", name)
                }
                #expect(try await Self.status(client, last) == 401)
            }
        }
    }

    /// How a session comes to its end, besides by its time.
    enum Ending: CaseIterable, Sendable {
        case signOut, token, all, reload
    }

    @Test("an open page ends with it, and is told nothing after", arguments: Ending.allCases)
    func live(_ ending: Ending) async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                let cookie = try await DashboardSignInTests.cookie(client)
                var request = HTTPClientRequest(
                    url: "http://127.0.0.1:\(try #require(client.port))/live?page=overview")
                request.headers.add(name: "Cookie", value: cookie)
                let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
                #expect(response.status == .ok)
                var text = ""
                var hasEnded = false
                for try await part in response.body {
                    text += String(buffer: part)
                    guard text.contains("event: parts"), !hasEnded else { continue }
                    hasEnded = true
                    try await end(ending, scene, client, cookie)
                    _ = try await client.ask(
                        .post, "/api/v1/cleanups/stuck-jobs/pause", token: AdminScene.cron + AdminScene.admin,
                        "{\"why\": \"told afterwards\"}")
                    try await Operations(engine: scene.engine).pause("stuck-jobs", by: "x", why: "told afterwards")
                }
                #expect(hasEnded && !text.contains("told afterwards"))
            }
        }
    }

    private func end(
        _ ending: Ending, _ scene: AdminScene, _ client: some TestClientProtocol, _ cookie: String
    ) async throws {
        switch ending {
        case .signOut:
            var headers = DashboardSignInTests.headers
            headers[.cookie] = cookie
            let page = try await client.ask(.get, "/", token: nil, headers: [.cookie: cookie])
            let form = DashboardSignInTests.form(["form_token": try DashboardSignInTests.formToken(in: page.text)])
            #expect(try await client.ask(.post, "/sign-out", token: nil, form, headers: headers).status == 303)
        case .token:
            var configuration = scene.engine.configuration
            configuration.http?.adminToken = Secret("another-token-of-the-admin")
            scene.source.replace(
                with: Engine(configuration: configuration, redis: scene.redis, logger: scene.engine.logger))
        case .reload: scene.source.replace(with: scene.engine)
        case .all: try await Sessions(engine: scene.engine).endAll(by: "ada@web-1")
        }
    }

    @Test("a form of one browser is none of another's, also before anybody has signed in")
    func browsers() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let (own, foreign) = (
                    try await client.ask(.get, "/sign-in", token: nil),
                    try await client.ask(.get, "/sign-in", token: nil)
                )
                let cookie = try Self.cookie(of: own, "curfew_browser")
                func send(_ page: AdminScene.Answer, _ more: HTTPFields) async throws -> Int {
                    let code = try DashboardSignInTests.formToken(in: page.text)
                    let form = DashboardSignInTests.form(["token": AdminScene.viewer, "form_token": code])
                    var headers = DashboardSignInTests.headers
                    headers.append(contentsOf: more)
                    return try await client.ask(.post, "/sign-in", token: nil, form, headers: headers).status
                }
                #expect(try await send(foreign, [.cookie: cookie]) == 403)
                // A browser that was made to send the form by another site, and knows no better than to leave cookies out.
                #expect(try await send(foreign, [.userAgent: "Mozilla/5.0"]) == 403)
                #expect(try await send(own, [.cookie: cookie]) == 303)
                // It keeps its number from page to page.
                let again = try await client.ask(.get, "/sign-in", token: nil, headers: [.cookie: cookie])
                #expect(again.headers[.setCookie] == nil)
                #expect(try await send(again, [.cookie: cookie]) == 303)
            }
        }
    }

    @Test("no other site signs anybody in or out", arguments: ["/sign-in", "/sign-out"])
    func otherSites(_ path: String) async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                let page = try await client.ask(.get, "/sign-in", token: nil)
                let cookie = try Self.cookie(of: page, "curfew_browser")
                let code = try DashboardSignInTests.formToken(in: page.text)
                let form = DashboardSignInTests.form(["token": AdminScene.viewer, "form_token": code])
                for (name, value) in [
                    ("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"),
                    ("Sec-Fetch-Site", "same-site"), ("Referer", "https://evil.example/page"),
                ] {
                    var headers = DashboardSignInTests.headers
                    headers[.cookie] = cookie
                    headers[try #require(HTTPField.Name(name))] = value
                    let answer = try await client.ask(.post, path, token: nil, form, headers: headers)
                    #expect(answer.status == 403 && answer.headers[.setCookie] == nil, "\(name): \(value)")
                }
            }
        }
    }

    @Test("a notice is told to whom it was meant for, and no other is told")
    func notices() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let cookie = try await DashboardSignInTests.cookie(client)
                let page = try await client.ask(.get, "/cleanups/stuck-jobs", token: nil, headers: [.cookie: cookie])
                var headers = DashboardSignInTests.headers
                headers[.cookie] = cookie
                let code = try DashboardSignInTests.formToken(in: page.text)
                let form = DashboardSignInTests.form(["form_token": code])
                let done = try await client.ask(
                    .post, "/cleanups/stuck-jobs/resume", token: nil, form, headers: headers)
                let notice = try Self.cookie(of: done, "curfew_notice")
                func said(_ notice: String, _ session: String) async throws -> Bool {
                    try await client.ask(
                        .get, "/cleanups/stuck-jobs", token: nil, headers: [.cookie: "\(session); \(notice)"]
                    ).text.contains("class=\"notice critical\"")
                }
                #expect(try await said(notice, cookie))
                #expect(try await !said(notice, try await DashboardSignInTests.cookie(client)))
                for forged in [
                    "curfew_notice=LWZvcmdlZA", "curfew_notice=LWZvcmdlZA==", "curfew_notice=LWZvcmdlZA.AAAA",
                ] {
                    #expect(try await !said(forged, cookie))
                }
            }
        }
    }
}

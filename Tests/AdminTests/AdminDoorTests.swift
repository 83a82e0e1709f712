import Curfew
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("What is known of a request over HTTP", .tags(.ownServer))
struct AdminDoorTests {
    private static let open = "http: {listen: \"127.0.0.1:0\", open: true}"

    private static func field(_ name: String, _ value: String) throws -> HTTPFields {
        [try #require(HTTPField.Name(name)): value]
    }

    @Test(
        "a request without a host, or with one too many or none that can be read, is answered with 400",
        arguments: [
            ("1.1", "", 400), ("1.0", "", 200), ("1.1", "Host: a\r\nHost: a\r\n", 400),
            ("1.1", "Host: [::1].evil\r\n", 400),
            ("1.1", "Host: localhost:80@evil\r\n", 400), ("1.1", "Host: [1.2.3.4]\r\n", 400),
            ("1.1", "Host: a b\r\n", 400),
            ("1.1", "Host: localhost:99999\r\n", 400), ("1.0", "Host: a\r\nHost: b\r\n", 400),
            ("1.1", "Host: [::1]:8470\r\n", 200), ("1.1", "Host: curfew_1.example.\r\n", 200),
        ])
    func hosts(_ version: String, _ host: String, _ status: Int) async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                let text = "GET /healthz HTTP/\(version)\r\n\(host)Connection: close\r\n\r\n"
                let answer = try await RawRequest.answer(to: text, port: try #require(client.port))
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
            }
        }
    }

    @Test(
        "open to this machine is open to it by its own names alone",
        arguments: [
            ("[::1].evil", "400"), ("localhost:80@evil", "400"), ("localhost.evil", "403"), ("127.0.0.1.evil", "403"),
            ("127.0.0.1", "200"), ("LOCALHOST:1", "200"), ("[::1]:1", "200"),
        ])
    func ownNames(_ host: String, _ status: String) async throws {
        try await withAdmin(Self.open) { scene in
            try await scene.application().test(.live) { client in
                let text = "GET /api/v1/cleanups HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
                let answer = try await RawRequest.answer(to: text, port: try #require(client.port))
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
            }
        }
    }

    @Test(
        "open, nothing that came through a proxy or from another site is answered, read or written",
        arguments: [
            ("Forwarded", "for=203.0.113.9"), ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Whatever", "x"), ("Via", "1.1 proxy"), ("X-Real-IP", "203.0.113.9"),
            ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Origin", "https://evil.example"),
            ("Referer", "https://evil.example/"), ("Referer", "http://localhost.evil.example/"),
        ])
    func openIsGuarded(_ name: String, _ value: String) async throws {
        try await withAdmin(Self.open) { scene in
            try await scene.application().test(.live) { client in
                let headers = try Self.field(name, value)
                for path in ["/", "/api/v1/cleanups", "/metrics", "/api/cron/stuck-jobs", "/cleanups/stuck-jobs/stats"]
                {
                    let answer = try await client.ask(.get, path, token: nil, headers: headers)
                    #expect(answer.status == 403, "\(path)")
                }
                let path = "/api/v1/cleanups/stuck-jobs/pause"
                let answer = try await client.ask(.post, path, token: nil, "{\"why\": \"x\"}", headers: headers)
                #expect(answer.status == 403)
                #expect(try await scene.send("EXISTS", scene.engine.keys.paused).integer == 0)
                #expect(try await client.ask(.get, "/healthz", token: nil, headers: headers).status == 200)
            }
        }
    }

    @Test("live pages, previews and counts are kept from other sites also where there are tokens")
    func guarded() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                let own = "http://localhost"
                for path in [
                    "/cleanups/stuck-jobs/preview", "/cleanups/stuck-jobs/stats", "/api/v1/cleanups/stuck-jobs/preview",
                    "/api/v1/cleanups/stuck-jobs/stats",
                ] {
                    for (name, value, status) in [
                        ("Sec-Fetch-Site", "cross-site", 403), ("Origin", "https://evil.example", 403),
                        ("Sec-Fetch-Site", "same-origin", 200), ("Referer", "\(own)/cleanups/stuck-jobs", 200),
                    ] {
                        let answer = try await client.ask(.get, path, headers: try Self.field(name, value))
                        #expect(answer.status == status, "\(path) \(name): \(value)")
                    }
                }
                let headers = try Self.field("Sec-Fetch-Site", "cross-site")
                #expect(try await client.ask(.get, "/live?page=overview", headers: headers).status == 403)
            }
        }
    }

    @Test("without a token and without being open, nobody is let in, and how to is said", arguments: Depth.allCases)
    func closed(_ depth: Depth) async throws {
        try await withAdmin("http: {listen: \"127.0.0.1:0\", metrics-open: true}") { scene in
            try await scene.application().test(depth.setup) { client in
                for path in ["/", "/sign-in", "/api/v1/cleanups", "/live?page=overview", "/api/cron/stuck-jobs"] {
                    for token in [nil, AdminScene.admin] {
                        let answer = try await client.ask(.get, path, token: token)
                        #expect(answer.status == 403 && answer.text.contains("open: true"), "\(path): \(answer.text)")
                    }
                }
                let path = "/api/v1/cleanups/stuck-jobs/pause"
                #expect(try await client.ask(.post, path, token: nil, "{\"why\": \"x\"}").status == 403)
                for path in ["/healthz", "/readyz", "/metrics"] {
                    #expect(try await client.ask(.get, path, token: nil).status == 200)
                }
            }
        }
    }

    @Test("whoever has a name does everything under it, and a viewer with one may only look")
    func names() async throws {
        let people = """
              admins: {ada: ada-has-a-token-of-her-own}
              viewers: {bob: bob-has-a-token-of-his-own}
            """
        try await withAdmin(AdminScene.tokens + "\n" + people) { scene in
            try await scene.application().test(.router) { client in
                let (ada, bob) = ("ada-has-a-token-of-her-own", "bob-has-a-token-of-his-own")
                let path = "/api/v1/cleanups/stuck-jobs"
                #expect(try await client.ask(.post, "\(path)/pause", token: ada, "{\"why\": \"x\"}").status == 200)
                #expect(try await client.ask(.post, "\(path)/resume", token: bob).status == 403)
                #expect(try await client.ask(.post, "\(path)/resume").status == 200)
                #expect(try await client.ask(.get, "/api/cron/stuck-jobs", token: ada).status == 200)
                let cookie = try await DashboardSignInTests.cookie(client, token: ada)
                let page = try await client.ask(.get, "/cleanups/stuck-jobs", token: nil, headers: [.cookie: cookie])
                #expect(page.text.contains("Signed in as ada (admin)"))
                var headers = DashboardSignInTests.headers
                headers[.cookie] = cookie
                let code = try DashboardSignInTests.formToken(in: page.text)
                let form = DashboardSignInTests.form(["why": "y", "form_token": code])
                #expect(
                    try await client.ask(.post, "/cleanups/stuck-jobs/pause", token: nil, form, headers: headers).status
                        == 303)
                let other = try await DashboardSignInTests.cookie(client, token: bob)
                let looked = try await client.ask(.get, "/", token: nil, headers: [.cookie: other])
                #expect(looked.text.contains("Signed in as bob (viewer)"))
                #expect(
                    try await scene.deeds() == [
                        "pause by ada@local: x", "resume by admin@local", "run by ada@local", "pause by ada@local: y",
                    ])
            }
        }
    }

    @Test("over TLS cookies are for this host and for TLS alone, and browsers are told to stay with it")
    func secure() async throws {
        let certificates = try await Certificates.make()
        let file = "\(certificates.folder)/server"
        try await withAdmin(AdminScene.tokens + "\n  tls: {certificate: \(file).crt, key: \(file).key}") { scene in
            try await scene.application().test(.ahc(.https)) { client in
                let page = try await client.ask(.get, "/sign-in", token: nil)
                #expect(page.headers[.setCookie]?.wholeMatch(of: /__Host-curfew_browser=.*; Secure/) != nil)
                for path in ["/sign-in", "/healthz", "/api/v1/cleanups"] {
                    let answer = try await client.ask(.get, path, token: nil)
                    #expect(answer.headers[.strictTransportSecurity] == "max-age=31536000", "\(path)")
                }
            }
        }
        try certificates.remove()
    }

    @Test("a proxy that is trusted says whether it has TLS, for whom it asks, and by which name; no other does")
    func proxies() async throws {
        let headers: HTTPFields = [
            try #require(HTTPField.Name("X-Forwarded-For")): "198.51.100.1, 203.0.113.9",
            try #require(HTTPField.Name("X-Forwarded-Proto")): "https",
            try #require(HTTPField.Name("X-Forwarded-Host")): "curfew.example",
            .origin: "https://curfew.example",
        ]
        for isTrusted in [true, false] {
            let more = isTrusted ? "\n  trusted-proxies: [127.0.0.0/8, \"::1\"]" : ""
            try await withAdmin(AdminScene.tokens + more) { scene in
                try await scene.application().test(.live) { client in
                    let page = try await client.ask(.get, "/sign-in", token: nil, headers: headers)
                    let set = page.headers[.setCookie] ?? ""
                    #expect(
                        set.hasPrefix("__Host-curfew_browser=") == isTrusted && set.hasSuffix("; Secure") == isTrusted)
                    #expect((page.headers[.strictTransportSecurity] != nil) == isTrusted)
                    let path = "/api/v1/cleanups/stuck-jobs/pause"
                    _ = try await client.ask(.post, path, "{\"why\": \"x\"}", headers: headers)
                    let address = isTrusted ? "203.0.113.9" : "127.0.0.1"
                    #expect(try await scene.deeds() == ["pause by admin@\(address): x"])
                    let cookie = String(set.prefix { $0 != ";" })
                    let code = try DashboardSignInTests.formToken(in: page.text)
                    let form = DashboardSignInTests.form(["token": AdminScene.admin, "form_token": code])
                    var more = headers
                    more[.contentType] = "application/x-www-form-urlencoded"
                    more[.cookie] = cookie
                    let answer = try await client.ask(.post, "/sign-in", token: nil, form, headers: more)
                    #expect(answer.status == (isTrusted ? 303 : 403))
                }
            }
        }
    }

    @Test(
        "the last address that no trusted proxy vouches for is the one that counts",
        arguments: [
            ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"), ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.1", ["198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", ["198.51.100.1", "203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", ["[2001:db8::1]:80"], "2001:db8::1"),
            ("10.0.0.1", ["203.0.113.9, nonsense"], "10.0.0.1"), ("10.0.0.1", [], "10.0.0.1"),
            ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"), ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ])
    func forwarded(_ from: String, _ headers: [String], _ address: String) throws {
        let settings = HTTPSettings(trustedProxies: [try #require(NetworkRange("10.0.0.0/8"))])
        var fields = HTTPFields()
        for value in headers { fields.append(try #require(Self.field("X-Forwarded-For", value).first)) }
        let head = HTTPRequest(method: .get, scheme: "http", authority: "x", path: "/", headerFields: fields)
        let forwarding = Forwarding(.init(head: head, body: .init(buffer: ByteBuffer())), from: from, settings)
        #expect(forwarding.address == address)
    }

    @Test("a body that can't be read is the sender's mistake, and none of the instance's")
    func chunks() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                for path in ["/sign-in", "/sign-out"] {
                    let text =
                        "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"
                    let answer = try await RawRequest.answer(to: text, port: try #require(client.port))
                    #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
                }
            }
        }
    }
}

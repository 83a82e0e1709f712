import TestNeeds
import Testing

@testable import Curfew

@Suite("The configuration of HTTP: who is let in", .tags(.pure))
struct HTTPAccessConfigurationTests {
    private static let token = "7f3b9c0d2e4a6815"

    private func parse(_ http: String, _ rest: String = "", _ environment: [String: String] = [:]) throws
        -> Configuration
    {
        let text = """
            redis: redis://127.0.0.1
            http: \(http)
            cleanups:
              locks: {policy: locks, every: 1h, records: "lock:<id>", since: [at], timeout: 1m}
            \(rest)
            """
        return try Configuration.parse(text, file: "c", environment: environment)
    }

    private func problems(_ http: String, _ rest: String = "") -> [String] {
        do {
            _ = try parse(http, rest)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map { "\($0.path): \($0.message)" }
        } catch {
            return ["\(error)"]
        }
    }

    @Test(
        "a token that is guessed early is refused, and how a good one is made is said",
        arguments: [
            "passwordpassword", "passwordpassword1", "P@ssw0rd-P@ssw0rd", "aaaaaaaaaaaaaaaa", "abcabcabcabcabcabcabc",
            "0123456789abcdef", "1234567890123456", "qwertyuiopasdfgh", "changeme-changeme-1", "Tr0ub4dor&3Tr0ub4dor&3",
            "secret-password-123456", "short", "abababcdcdcdefef",
        ])
    func weak(_ token: String) {
        for key in ["admin-token", "cron-secret"] {
            let found = problems(
                "{admin-token: \(Self.token), \(key): \"\(token)\"}".replacing(
                    "admin-token: \(Self.token), admin-token", with: "admin-token"))
            #expect(found.count == 1 && found[0].hasPrefix("http.\(key): "), "\(found)")
            #expect(found.first?.contains("openssl rand -hex 32") == true && found.first?.contains(token) == false)
        }
        #expect(problems("{admins: {ada: \"\(token)\"}}").count == 1)
    }

    @Test(
        "any other is taken; one of words that are easily thought of with a warning",
        arguments: [
            ("7f3b9c0d2e4a6815", false), ("correct horse".replacing(" ", with: "-") + "-battery", false),
            ("b1946ac92492d2347c6235b4d2611184", false), ("admin-token-of-a-case-1", false),
            ("curfew-password-2026", true), ("admin-token-0123456789", true),
        ])
    func others(_ token: String, _ isDoubtful: Bool) throws {
        let configuration = try parse("{admin-token: \"\(token)\"}")
        let warnings = configuration.warnings.map { "\($0.path): \($0.message)" }
        #expect(warnings.contains { $0.hasPrefix("http.admin-token: consists of words") } == isDoubtful)
        #expect(!warnings.contains { $0.contains(token) })
    }

    @Test(
        "a secret that the environment leaves empty is a problem, and none that is left out",
        arguments: ["admin-token", "viewer-token", "cron-secret"])
    func empty(_ key: String) {
        let found = problems(
            "{admin-token: \(Self.token), \(key): \"${NONE:-}\"}".replacing(
                "admin-token: \(Self.token), admin-token", with: "admin-token"))
        #expect(found.count == 1 && found[0].hasPrefix("http.\(key): “${NONE:-}” is empty, expected"), "\(found)")
    }

    @Test("so is that of a person, and that of a webhook, which would be unsigned")
    func emptyElsewhere() {
        let person = problems("{admins: {ada: \"${NONE:-}\"}}")
        #expect(person.count == 1 && person[0].hasPrefix("http.admins.ada: “${NONE:-}” is empty"), "\(person)")
        let hook = problems("{open: true}", "webhooks: {ops: {url: https://x, secret: \"${NONE:-}\", on: [alert]}}")
        #expect(
            hook == [
                "webhooks.ops.secret: “${NONE:-}” is empty, expected a text: set the variable, or remove the key"
            ])
    }

    @Test("open is said, on loopback alone, and in place of tokens")
    func open() throws {
        #expect(try parse("{}").http?.isOpen == false)
        let http = try #require(try parse("{open: true}").http)
        #expect(http.isOpen && !http.hasTokens)
        #expect(
            problems("{listen: \"0.0.0.0:1\", open: true}").contains {
                $0.hasPrefix("http.open: gives everyone access")
            })
        for key in ["admin-token: \(Self.token)", "admins: {ada: \(Self.token)}"] {
            #expect(
                problems("{open: true, \(key)}").contains {
                    $0.hasPrefix("http.open: gives everyone access, and admin")
                })
        }
    }

    @Test("that everybody is let in, or nobody, is a warning that says what to write")
    func doubts() throws {
        for (http, path, words) in [
            ("{open: true}", "http.open", "anyone who can reach this port may do everything"),
            ("{}", "http.admin-token", "access is not configured: there is no token"),
        ] {
            let configuration = try parse(http)
            let warning = try #require(configuration.warnings.first)
            #expect(warning.path == path && warning.message.contains(words) && warning.line == 2)
            #expect(warning.message.contains("${CURFEW_ADMIN_TOKEN}"))
        }
        let plain = try parse("{listen: \"0.0.0.0:1\", admin-token: \(Self.token), metrics-open: true}")
        #expect(plain.warnings.map(\.path) == ["http.tls", "http.metrics-open"])
        #expect(try parse("{admin-token: \(Self.token)}").warnings.isEmpty)
    }

    @Test("people have names that fit, tokens of their own, and none that is another's")
    func people() throws {
        let http = try #require(
            try parse("{admins: {ada: \"${ADA}\"}, viewers: {bob: \(Self.token)}}", "", ["ADA": "1c9e4b7d5a2f8036"])
                .http)
        #expect(http.admins == [.init(name: "ada", token: Secret("1c9e4b7d5a2f8036"))])
        #expect(http.viewers.map(\.name) == ["bob"] && http.hasTokens)
        for (text, problem) in [
            (
                "{admins: {ada: \(Self.token)}, viewers: {bob: \(Self.token)}}",
                "http.viewers.bob: is also the admins.ada"
            ),
            ("{admins: {\"a b\": \(Self.token)}}", "http.admins.a b: is not a name"),
            ("{admins: {cron: \(Self.token)}}", "http.admins.cron: is reserved for people without a name"),
            ("{admins: {}}", "http.admins: is empty"), ("{admins: x}", "http.admins: expected a section"),
            ("{viewers: {bob: \(Self.token)}}", "http.viewers: gives read-only access"),
        ] {
            #expect(problems(text).contains { $0.hasPrefix(problem) }, "\(problems(text))")
        }
    }

    @Test("tokens of people have no part in the fingerprint, and a change of them needs no restart")
    func secrets() throws {
        let one = try parse("{admins: {ada: 1c9e4b7d5a2f8036}}")
        let other = try parse("{admins: {ada: \(Self.token)}}")
        #expect(one.fingerprint == other.fingerprint && one.keysThatNeedRestart(for: other).isEmpty)
    }

    @Test("trusted proxies are addresses or ranges of them, and never everybody")
    func proxies() throws {
        let http = try #require(
            try parse("{admin-token: \(Self.token), trusted-proxies: [10.0.0.0/8, \"fd00::/8\", 192.0.2.1]}").http)
        for (address, isTrusted) in [
            ("10.255.0.1", true), ("11.0.0.1", false), ("fd12::1", true), ("fe80::1", false), ("192.0.2.1", true),
            ("192.0.2.2", false), ("::ffff:10.0.0.1", true),
        ] {
            let address = try #require(NetworkAddress(address))
            #expect(http.trustedProxies.contains { $0.contains(address) } == isTrusted)
        }
        for text in ["10.0.0.0/33", "proxy.example", "0.0.0.0/0", "10.0.0.0/-1", "10.0.0/8", "::/0"] {
            let found = problems("{admin-token: \(Self.token), trusted-proxies: \"\(text)\"}")
            #expect(found.count == 1 && found[0].hasPrefix("http.trusted-proxies: “\(text)” is "), "\(found)")
        }
    }
}

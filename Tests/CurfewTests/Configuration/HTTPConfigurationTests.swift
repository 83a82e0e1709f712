import TestNeeds
import Testing

@testable import Curfew

@Suite("The configuration of HTTP", .tags(.pure))
struct HTTPConfigurationTests {
    private static let token = "7f3b9c0d2e4a6815"

    private func parse(_ http: String, _ rest: String = "", _ environment: [String: String] = [:]) throws
        -> Configuration
    {
        let text = """
            redis: redis://127.0.0.1
            http: \(http)
            cleanups:
              jobs: {policy: stuck, every: 1h, records: "job:<id>", states: [A], since: [at], timeout: 1m, to: FAILED}
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

    @Test("left out there is no server; empty it has the defaults")
    func defaults() throws {
        let text = "redis: redis://127.0.0.1\ncleanups: {}"
        #expect(try Configuration.parse(text, file: "c", environment: [:]).http == nil)
        let http = try #require(try parse("{}").http)
        #expect(http == HTTPSettings())
        #expect(http.host == "127.0.0.1" && http.port == 8470 && http.adminToken == nil && !http.isMetricsOpen)
    }

    @Test(
        "addresses",
        arguments: [
            ("127.0.0.1:1", "127.0.0.1", 1, true), ("localhost", "localhost", 8470, true), ("[::1]:9", "::1", 9, true),
            ("127.9.9.9:0", "127.9.9.9", 0, true), ("0.0.0.0:80", "0.0.0.0", 80, false), ("[::]", "::", 8470, false),
            ("127.0.0.1.evil.example:80", "127.0.0.1.evil.example", 80, false),
        ])
    func addresses(_ text: String, _ host: String, _ port: Int, _ isLoopback: Bool) throws {
        let http = try #require(try parse("{listen: \"\(text)\", admin-token: \(Self.token)}").http)
        #expect(http.host == host && http.port == port && http.isLoopback == isLoopback)
    }

    @Test("another address than loopback needs an admin token, and is told how to get one")
    func open() {
        let found = problems("{listen: \"0.0.0.0:8470\"}")
        #expect(found.count == 1 && found[0].hasPrefix("http.listen: 0.0.0.0 can be reached from other machines"))
        #expect(found[0].contains("admin-token: ${CURFEW_ADMIN_TOKEN}"))
        let empty = problems("{listen: \"0.0.0.0:8470\", admin-token: \"${NONE:-}\"}")
        #expect(empty.count == 1 && empty[0].hasPrefix("http.admin-token: “${NONE:-}” is empty, expected a text"))
        #expect(problems("{listen: \"0.0.0.0:8470\", admin-token: \(Self.token)}").isEmpty)
    }

    @Test(
        "what can't be meant is refused with its place",
        arguments: [
            ("{listen: \"1:2:3\"}", "http.listen: expected an address with its port"),
            ("{listen: \"127.0.0.1:65536\"}", "http.listen: expected an address"),
            ("{admin-token: short}", "http.admin-token: expected at least 16"),
            ("{viewer-token: 7f3b9c0d2e4a6815}", "http.viewer-token: gives read-only access"),
            (
                "{admin-token: 7f3b9c0d2e4a6815, viewer-token: 7f3b9c0d2e4a6815}",
                "http.viewer-token: is also the admin-token"
            ),
            ("{metrics-open: maybe}", "http.metrics-open: expected true or false"),
            ("{tls: {certificate: a.pem}}", "http.tls.key: missing"),
            ("{admintoken: x}", "http.admintoken: unknown key, did you mean “admin-token”?"),
        ])
    func wrong(_ http: String, _ problem: String) {
        #expect(problems(http).contains { $0.hasPrefix(problem) }, "\(problems(http))")
        #expect(!problems(http).contains { $0.contains("7f3b9c0d2e4a6815") })
    }

    @Test("tokens are never printed and have no part in the fingerprint")
    func secrets() throws {
        let text = "{admin-token: \"${T}\", viewer-token: \"${V}\", cron-secret: \"${V}\"}"
        let one = try parse(text, "", ["T": "admin-0123456789", "V": "viewer-0123456789"])
        let other = try parse(text, "", ["T": "other-0123456789", "V": "another-0123456789"])
        #expect(one.fingerprint == other.fingerprint)
        var dumped = ""
        dump(one, to: &dumped)
        #expect(!"\(one)\(dumped)".contains("0123456789"))
    }

    @Test("names stand for cleanups: those of the file, else the usual ones")
    func routes() throws {
        let usual = try parse("{}")
        #expect(usual.cleanups(behind: "cleanup-jobs")?.map(\.name) == ["jobs"])
        #expect(usual.cleanups(behind: "cleanup")?.map(\.name) == ["jobs", "locks"])
        #expect(usual.cleanups(behind: "nightly") == nil)
        let own = try parse("{}", "routes: {cleanup-jobs: locks, nightly: [locks, jobs]}")
        #expect(own.cleanups(behind: "cleanup-jobs")?.map(\.name) == ["locks"])
        #expect(own.cleanups(behind: "nightly")?.map(\.name) == ["locks", "jobs"])
        #expect(
            problems("{}", "routes: {nightly: [job]}") == [
                "routes.nightly: unknown cleanup, did you mean “jobs”? (expected one of jobs, locks)"
            ])
        #expect(problems("{}", "routes: {nightly: [jobs, jobs]}") == ["routes.nightly: names a cleanup twice"])
    }
}

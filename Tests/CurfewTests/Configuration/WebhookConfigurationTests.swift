import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("the configuration of webhooks and pings", .tags(.pure))
struct WebhookConfigurationTests {
    private static func parse(_ hook: String, ping: String = "https://ping.example/1") throws -> Configuration {
        let text = """
            redis: redis://127.0.0.1
            webhooks:
              ops: \(hook)
            cleanups:
              jobs: {policy: locks, every: 1h, records: "l:<id>", timeout: 1m, ping: \(ping)}
            """
        return try Configuration.parse(text, file: "c.yaml", environment: [:])
    }

    private static func problem(_ hook: String, ping: String = "https://ping.example/1") -> String {
        do {
            _ = try parse(hook, ping: ping)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("everything a webhook may say is read, and what it doesn't say has a default")
    func reading() throws {
        let whole = try Self.parse(
            """
            {url: "https://me:pw%21@ops.example:8443/hook?key=k", secret: s, on: [run-failed, alert], timeout: 3s, tries: 2}
            """)
        let hook = try #require(whole.webhooks.first)
        #expect(hook.name == "ops" && hook.address.host == "ops.example:8443")
        #expect(hook.address.revealed == "https://ops.example:8443/hook?key=k")
        #expect(hook.address.credentials == .init(user: "me", password: Secret("pw!")))
        #expect(hook.secret?.revealed == "s" && hook.subjects == [.alert, .runFailed])
        #expect(hook.timeout == .seconds(3) && hook.tries == 2)
        #expect(whole.cleanups[0].ping?.revealed == "https://ping.example/1")
        let short = try #require(try Self.parse("{url: http://ops, on: warning}").webhooks.first)
        #expect(short.secret == nil && short.subjects == [.warning])
        #expect(short.timeout == .seconds(10) && short.tries == 15)
    }

    @Test(
        "what can't be meant is said",
        arguments: [
            ("{on: alert}", "url: missing, expected an address like https://host/path"),
            ("{url: https://ops}", "on: missing, expected a text or a list of texts"),
            ("{url: https://ops, on: []}", "on: is empty, expected a text or a list of texts"),
            (
                "{url: https://ops, on: [alert, warnings]}",
                "on: unknown “warnings”, did you mean “warning”? (expected one of alert, warning, change, run-lost, run-failed)"
            ),
            (
                "{url: https://ops, on: alert, secrets: x}",
                "secrets: unknown key, did you mean “secret”? (expected one of url, secret, format, template, on, min-severity, cleanups, timeout, tries)"
            ),
            ("{url: https://ops, on: alert, tries: 0}", "tries: expected a whole number from 1 to 100, found “0”"),
            ("{url: https://ops, on: alert, timeout: 10}", "timeout: “10” has no unit, write 10s, 10m or 10h"),
            ("{url: https://ops, on: alert, timeout: 1h}", "timeout: expected at most 5m"),
        ])
    func problems(hook: String, message: String) {
        #expect(Self.problem(hook) == "c.yaml:3: webhooks.ops.\(message)")
    }

    @Test(
        "an address that can't be called is refused, and not quoted",
        arguments: [
            "ftp://x/secret", "secret", "https:///secret", "\"https://x/a secret\"", "https://x:port/secret",
            "https://x:65536/secret", "https://x:0/secret",
        ])
    func addresses(address: String) {
        let expected = "expected an address like https://host/path"
        #expect(Self.problem("{url: \(address), on: alert}") == "c.yaml:3: webhooks.ops.url: \(expected)")
        #expect(
            Self.problem("{url: https://x, on: alert}", ping: address) == "c.yaml:5: cleanups.jobs.ping: \(expected)")
    }

    @Test("sixteen webhooks are the most")
    func most() {
        let hooks = (1...17).map { "  hook\($0): {url: https://x, on: alert}\n" }.joined()
        #expect(throws: ConfigurationError.self) {
            try Configuration.parse(
                "redis: redis://h\ncleanups: {}\nwebhooks:\n\(hooks)", file: "c", environment: [:])
        }
    }

    @Test("neither addresses nor secrets are shown by anything, and the fingerprint has no part of them")
    func secrets() throws {
        let one = try Self.parse(
            "{url: \"https://u:hidden@x/hidden?hidden\", secret: hidden, on: alert}", ping: "https://x/hidden")
        var shown = "\(one) \(String(reflecting: one)) \(one.webhooks) \(one.cleanups)"
        dump(one, to: &shown)
        #expect(!shown.contains("hidden"))
        let other = try Self.parse("{url: https://y, secret: other, on: alert}", ping: "https://y/other")
        #expect(one.fingerprint == other.fingerprint)
        #expect(try one.fingerprint != Self.parse("{url: https://x, on: warning}").fingerprint)
    }
}

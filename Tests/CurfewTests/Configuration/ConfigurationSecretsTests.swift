import TestNeeds
import Testing

@testable import Curfew

/// Secrets are withheld by one rule, in messages, in settings and in hashes.
@Suite("Secrets of a configuration", .tags(.pure))
struct ConfigurationSecretsTests {
    private static func file(_ ping: String) -> String {
        """
        redis: redis://127.0.0.1
        cleanups:
          a: {policy: locks, records: "l:<id>", every: 1h, timeout: 1m, since: [at], ping: "\(ping)"}
        """
    }

    private func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
        do {
            _ = try Configuration.parse(text, file: "c", environment: environment)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test("the address of a ping has no part in any fingerprint, and isn't among the settings")
    func ping() throws {
        let one = try Configuration.parse(Self.file("https://hc.example/one"), file: "c", environment: [:])
        let other = try Configuration.parse(Self.file("https://hc.example/two"), file: "c", environment: [:])
        #expect(one.fingerprint == other.fingerprint)
        #expect(one.cleanups[0].fingerprint == other.cleanups[0].fingerprint)
        #expect(!one.cleanups[0].settings.contains { $0.key.contains("ping") || $0.value.contains("hc.example") })
    }

    @Test(
        "what came from the environment is in no message, wherever it stands",
        arguments: [
            "http: {listen: \"${S}\"}", "http: {listen: \"${H}\"}", "http: {listen: \"0.0.0.0:${P}\"}",
            "webhooks: {w: {url: \"http://a\", on: [\"${S}\"]}}", "webhooks: {w: {url: \"http://a\", on: \"${S}\"}}",
            "webhooks: {w: {url: \"http://a\", on: alert, format: \"${S}\"}}",
            "webhooks: {w: {url: \"http://a\", on: alert, min-severity: \"${S}\", cleanups: [\"${S}\"]}}",
            "webhooks: {w: {url: \"http://a\", on: alert, template: \"<${S}> {\"}}",
            "mail: {smtp: \"smtp://${S} x\", from: \"${S}\", to: [\"${S}\", \"<${S}>\"], on: \"${S}\"}",
            "streams: {length: \"${S}\"}", "prefix: \"${S} {\"", "worker: {lease: \"${S}\"}",
            "routes: {r: [\"${S}\"]}", "alerts: {x: {cleanup: \"${S}\", metric: failed, above: 1}}",
            "alerts: {x: {cleanup: a, metric: \"${S}\", above: \"${S}\", over: \"${S}\", severity: \"${S}\"}}",
            "otel: {endpoint: \"${S} x\", every: \"${S}\", headers: {\"a b\": \"${S}\", x: \"${S}\u{e9}\"}}",
            "storage: {s: {endpoint: \"${S}\", bucket: \"${S}/\", access-key: \"${S} \", secret-key: x}}",
        ])
    func environment(_ section: String) {
        let found = problems(
            Self.file("https://a") + "\n" + section,
            ["S": "s3cr3t-of-mine", "H": "s3cr3t.example:80", "P": "8470"])
        #expect(!found.isEmpty)
        #expect(!found.contains { $0.contains("s3cr3t") }, "\(found)")
    }

    @Test(
        "keys of records from the environment are in no message either",
        arguments: [
            "{policy: retention, records: \"l:<id>\", every: 1h, keep: 1d, since: [at], also: [\"${S}\", \"${S}<\"]}",
            "{policy: dependent, records: \"l:<id>\", every: 1h, since: [at], states: [a], parent: \"${S}\", "
                + "parent-states: [b], to: c}",
            "{policy: files, records: \"l:<id>\", every: 1h, since: [at], storage: s, object: \"${S}\", size: \"${S}\", "
                + "orphan: {unless: o, after: 1h, mark: \"${S}\"}}",
            "{policy: \"${S}\", records: \"${S}\", every: \"${S}\", guard: \"${S}\", missing: \"${S}\"}",
        ])
    func keys(_ cleanup: String) {
        let found = problems("redis: redis://127.0.0.1\ncleanups: {a: \(cleanup)}", ["S": "s3cr3t-of-mine"])
        #expect(!found.isEmpty)
        #expect(!found.contains { $0.contains("s3cr3t") }, "\(found)")
    }

    @Test("what stands before the host of an address is withheld where the file quotes it")
    func credentials() {
        let found = problems(
            Self.file("https://a") + "\n"
                + "storage: {s: {endpoint: \"https://u:s3cr3t@h\", bucket: b, access-key: a, secret-key: x}}\n"
                + "http: {listen: \"http://u:s3cr3t@h:80\"}\nprefix: \"https://s3cr3t@h {\"")
        #expect(found.count == 3, "\(found)")
        #expect(!found.contains { $0.contains("s3cr3t") }, "\(found)")
        #expect(found.contains { $0.contains("“https://•••@h”") }, "\(found)")
    }
}

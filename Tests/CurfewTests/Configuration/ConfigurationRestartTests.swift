import Foundation
import TestNeeds
import Testing

@testable import Curfew

@Suite("What a running process can't change", .tags(.pure))
struct ConfigurationRestartTests {
    private static let cleanups = "cleanups: {locks: {policy: locks, every: 1h, records: \"lock:<id>\", timeout: 1h}}"
    private static let base = "redis: redis://127.0.0.1\nprefix: p\nhttp: {listen: 127.0.0.1:1}\n" + cleanups

    private static func read(_ text: String) throws -> Configuration {
        try Configuration.parse(text, file: "c", environment: [:])
    }

    @Test(
        "redis, prefix, and what is listened on; anything else it can",
        arguments: [
            ("127.0.0.1", "127.0.0.2", ["redis"]), ("redis://127.0.0.1", "redis://:secret@127.0.0.1", ["redis"]),
            ("prefix: p", "prefix: q", ["prefix"]), ("127.0.0.1:1", "127.0.0.1:2", ["http.listen"]),
            ("{listen: 127.0.0.1:1}", "{listen: 127.0.0.1:1, tls: {certificate: c, key: k}}", ["http.tls"]),
            ("http: {listen: 127.0.0.1:1}\n", "", ["http"]),
            ("redis: redis://127.0.0.1\nprefix: p\n", "redis: redis://127.0.0.1/2\n", ["redis", "prefix"]),
            ("{listen: 127.0.0.1:1}", "{listen: 127.0.0.1:1, admin-token: 7f3b9c0d2e4a6815, metrics-open: true}", []),
            ("every: 1h", "every: 2h, ping: http://h/x", []),
            ("cleanups:", "worker: {lease: 1s}\nstreams: {length: 9}\nroutes: {r: locks}\ncleanups:", []),
            ("cleanups:", "webhooks: {w: {url: http://h, on: alert}}\ncleanups:", []),
            ("cleanups:", "mail: {smtp: smtp://h, from: a@b, to: c@d, on: alert}\ncleanups:", []),
            ("cleanups:", "otel: {endpoint: http://h:4318}\ncleanups:", ["otel"]),
            ("cleanups:", "alerts: {a: {cleanup: locks, metric: found, above: 1}}\ncleanups:", []),
        ])
    func keys(_ old: String, _ new: String, _ keys: [String]) throws {
        let range = try #require(Self.base.range(of: old))
        let before = try Self.read(Self.base)
        let after = try Self.read(Self.base.replacingCharacters(in: range, with: new))
        #expect(before.keysThatNeedRestart(for: after) == keys)
        #expect(after.keysThatNeedRestart(for: before) == keys)
        #expect(before.keysThatNeedRestart(for: before).isEmpty)
    }
}

import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// The undo of a run of each policy restores the keyspace, byte for byte; only the index has other times.
@Suite("undo: every policy", .tags(.ownServer), .everyTopology)
struct UndoPolicyTests {
    /// A cleanup, and what it finds: keys with their fields, or a text under the name of none.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var cleanup: String
        var records: [String: [String: String]]
        var texts: [String: String] = [:]
        var actions: Set<String>
        var testDescription: String { name }
    }

    private static func old(_ days: Int) -> String { "<\(days)d>" }

    static let cases = [
        Case(
            name: "paused: a mark", cleanup: paused, records: ["item:1": ["status": "paused", "updatedAt": old(10)]],
            actions: ["mark"]),
        Case(
            name: "paused: a warning", cleanup: paused,
            records: ["item:1": ["status": "paused", "updatedAt": old(25), "staleSince": old(15)]], actions: ["warn"]),
        Case(
            name: "paused: the end", cleanup: paused,
            records: [
                "item:1": ["status": "paused", "updatedAt": old(40), "staleSince": old(30), "warnedAt": old(10)]
            ],
            actions: ["cancel"]),
        Case(
            name: "dependent",
            cleanup: """
                policy: dependent, states: [PENDING], since: [updatedAt], grace: 5m, parent: "job:<jobId>", \
                parent-states: [RUNNING], to: DRAFT
                """,
            records: [
                "item:1": ["status": "PENDING", "updatedAt": old(1), "jobId": "a"],
                "item:2": ["status": "PENDING", "updatedAt": old(1), "jobId": "b"], "job:b": ["status": "FAILED"],
            ],
            actions: ["reset"]),
        Case(
            name: "retention, with what belongs to the records",
            cleanup:
                "policy: retention, since: [at], keep: 3d, also: [\"item:<id>:log\", \"item:<id>:more\"], guard: off",
            records: [
                "item:1": ["at": old(5), "text": "kept"], "item:2": ["at": old(5)], "item:2:more": ["a": "b"],
            ],
            texts: ["item:1:log": "lines", "item:2:log": "more lines"], actions: ["remove"]),
        Case(
            name: "retention, with what belongs to several records",
            cleanup: "policy: retention, since: [at], keep: 3d, also: [\"group:<group>:log\"], guard: off",
            records: [
                "item:1": ["at": old(5), "group": "g"], "item:2": ["at": old(5), "group": "g"],
                "item:3": ["at": old(5), "group": "g"],
            ],
            texts: ["group:g:log": "lines"], actions: ["remove"]),
        Case(
            name: "files that are marked as deleted",
            cleanup: """
                policy: files, since: [at], orphan: {unless: entityId, after: 24h, mark: deletedAt}, \
                deleted: {since: deletedAt, after: 7d}, storage: uploads, object: key
                """,
            records: ["item:1": ["at": old(2), "key": "a/b", "status": "ready"]], actions: ["mark"]),
        Case(
            name: "stuck, kept as JSON", cleanup: stuckJSON, records: [:],
            texts: ["item:1": #"{ "status":"RUNNING", "meta":{"at": "<1d>"}, "n": 1.50 }"#], actions: ["fail"]),
    ]

    private static let paused = """
        policy: paused, states: [paused], since: [updatedAt], stale: 7d, warn: 23d, timeout: 30d, to: cancelled
        """
    private static let stuckJSON = """
        policy: stuck, format: json, states: [RUNNING], since: [meta.at], timeout: 5m, to: FAILED
        """

    /// Puts times in place of `<5d>`.
    private static func text(_ text: String, _ now: Timestamp) -> String {
        text.replacing(/<(\d+)d>/) { match in
            WrittenTime.iso8601.text(now - .seconds(86_400 * (Int(match.output.1) ?? 0)))
        }
    }

    @Test("what a run did is as if it had not been", arguments: cases)
    func restored(_ item: Case) async throws {
        let settings =
            "storage:\n  uploads: {endpoint: \"http://s3.test\", bucket: b, access-key: a, secret-key: s}"
        let cleanup = "items: {every: 1h, records: \"item:<id>\", index: items, \(item.cleanup)}"
        try await withSweepScene(cleanup, settings: settings) { scene in
            for (key, fields) in item.records {
                try await scene.write(key, fields.mapValues { Self.text($0, scene.began) })
            }
            for (key, text) in item.texts { _ = try await scene.send("SET", key, Self.text(text, scene.began)) }
            for id in ["1", "2"] where item.records["item:\(id)"] != nil || item.texts["item:\(id)"] != nil {
                _ = try await scene.send("ZADD", "items", "1000", id)
            }
            let before = try await scene.dump().filter { $0.key != "items" }
            let entries = Set(try await scene.members("items"))

            let run = try await scene.run("items")
            #expect(Set(run.records.map(\.action)) == item.actions && run.cleanedUp == entries.count, "\(run)")
            #expect(try await scene.dump().filter { $0.key != "items" } != before)
            let result = try await scene.undo(run.run)

            #expect(result.cleanedUp == run.cleanedUp && result.skipped == 0 && result.failed == 0, "\(result)")
            #expect(try await scene.dump().filter { $0.key != "items" } == before)
            #expect(Set(try await scene.members("items")) == entries)
            // As it was: the next run does the same again.
            #expect(try await scene.run("items").cleanedUp == run.cleanedUp)
        }
    }

    @Test("JSON that the app has changed since is left")
    func json() async throws {
        try await withSweepScene("items: {every: 1h, records: \"item:<id>\", index: items, \(Self.stuckJSON)}") {
            scene in
            let text = Self.text(#"{"status":"RUNNING","meta":{"at":"<1d>"}}"#, scene.began)
            for id in ["same", "noted", "moved", "gone"] {
                _ = try await scene.send("SET", "item:\(id)", text)
                _ = try await scene.send("ZADD", "items", "1000", id)
            }
            let run = try await scene.run("items")
            #expect(run.cleanedUp == 4)
            let failed = try #require(try await scene.text("item:noted"))
            // Another field is the app's business and stays; the status is what the run wrote.
            _ = try await scene.send("SET", "item:noted", String(failed.dropLast()) + ",\"note\":1}")
            _ = try await scene.send("SET", "item:moved", failed.replacing("FAILED", with: "QUEUED"))
            _ = try await scene.send("DEL", "item:gone")
            let result = try await scene.undo(run.run)
            #expect(result.cleanedUp == 2 && result.skipped == 2)
            let left = SweepScene.left(result)
            #expect(left["moved"] == "changed since: status is no longer “FAILED”")
            #expect(left["gone"] == "changed since: item:gone is gone")
            #expect(try await scene.text("item:same") == text)
            #expect(try await scene.text("item:noted") == String(text.dropLast()) + ",\"note\":1}")
        }
    }
}

import TestNeeds
import Testing

@testable import Curfew
@testable import Policies

/// The policies for records that grow too old: what the file says of them, and what it can't say.
@Suite("Configuration of paused, dependent, retention and files", .tags(.pure))
struct ConfigurationPoliciesTests {
    /// A file with one cleanup, whose own lines begin on line 4.
    private func parse(_ lines: [String]) throws -> Configuration {
        let body = (lines + ["every: 1h", "records: r:<id>"]).map { "    \($0)" }.joined(separator: "\n")
        let storage = "{endpoint: 'https://s3.example', bucket: b, access-key: k, secret-key: s}"
        let text = "redis: redis://127.0.0.1\ncleanups:\n  a:\n\(body)\nstorage: {uploads: \(storage)}"
        return try Configuration.parse(text, file: "curfew.yaml", environment: [:])
    }

    private func policy<Kind: Policies.Policy>(_ kind: Kind.Type, _ lines: String...) throws -> Kind {
        try #require(try parse(lines).cleanups.first?.policy as? Kind)
    }

    private func problems(_ lines: [String]) -> String {
        do {
            _ = try parse(lines)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test("paused has the usual times unless the file says others")
    func paused() throws {
        let usual = try policy(PausedPolicy.self, "policy: paused", "states: paused", "since: updatedAt")
        #expect(usual.scope.states == ["paused"] && usual.since == ["updatedAt"] && usual.to == "cancelled")
        #expect([usual.stale, usual.warn, usual.timeout].map(\.text) == ["7d", "23d", "30d"])
        let own = try policy(
            PausedPolicy.self, "policy: paused", "status: state", "states: [a, b]", "since: [c, d]", "stale: 1h",
            "warn: 2h", "timeout: 2h", "to: gone")
        #expect(own.fields == ["state", "c", "d", "staleSince", "warnedAt"] && own.to == "gone")
        #expect([own.stale, own.warn, own.timeout].map(\.text) == ["1h", "2h", "2h"])
    }

    @Test("dependent reads the parent, whose status is called as the record's unless the file says otherwise")
    func dependent() throws {
        let common = ["policy: dependent", "states: P", "since: at", "parent: 'job:<jobId>'", "to: D"]
        let usual = try #require(
            try parse(common + ["status: state", "parent-states: R"]).cleanups[0].policy as? DependentPolicy)
        #expect(usual.parentStatus == "state" && usual.parentStates == ["R"] && usual.grace == .seconds(300))
        #expect(usual.parent.text == "job:<jobId>" && usual.to == "D")
        let own = try #require(
            try parse(common + ["parent-states: [R, S]", "parent-status: phase", "grace: 1m"]).cleanups[0].policy
                as? DependentPolicy)
        #expect(own.parentStatus == "phase" && own.parentStates == ["R", "S"] && own.grace == .seconds(60))
    }

    @Test("retention takes any state where none is named, times by type, and keys that go along")
    func retention() throws {
        let usual = try policy(RetentionPolicy.self, "policy: retention", "since: at", "keep: 14d")
        #expect(usual.states == nil && usual.keeps == nil && usual.also.isEmpty)
        let own = try policy(
            RetentionPolicy.self, "policy: retention", "states: [A, B]", "since: [at, or]", "keep: 30d",
            "keeps: {by: tier, FREE: 7d, PRO: 90d}", "also: ['job:<id>:log', 'u:<user>:<id>']")
        #expect(own.states == ["A", "B"] && own.since == ["at", "or"])
        #expect(own.keeps == TimesByType(by: "tier", byType: ["FREE": .seconds(604_800), "PRO": .seconds(7_776_000)]))
        #expect(own.also.map(\.text) == ["job:<id>:log", "u:<user>:<id>"])
        #expect(own.longestTimeout.text == "90d")
    }

    @Test("files has either rule or both, with the usual times")
    func files() throws {
        let common = ["policy: files", "storage: uploads", "object: key"]
        let deleted = try #require(
            try parse(common + ["deleted: {since: deletedAt}"]).cleanups[0].policy as? FilesPolicy)
        #expect(deleted.orphan == nil && deleted.since.isEmpty && deleted.size == nil)
        #expect(deleted.deleted == .init(since: "deletedAt", after: .seconds(7 * 86_400)))
        let both = try #require(
            try parse(
                common + [
                    "since: uploadedAt", "size: bytes", "orphan: {unless: owner, mark: deletedAt}",
                    "deleted: {since: deletedAt, after: 3d}",
                ]
            ).cleanups[0].policy as? FilesPolicy)
        #expect(both.orphan == .init(unless: "owner", after: .seconds(86_400), mark: "deletedAt"))
        #expect(both.deleted?.after.text == "3d" && both.storage == "uploads" && both.objects.map(\.text) == ["key"])
        #expect(both.size == "bytes")
    }

    @Test(
        "times of paused that are in the wrong order name both lines",
        arguments: [
            (
                ["stale: 8d", "warn: 7d"],
                "8: cleanups.a.warn: expected no less than stale, which is 8d (line 7), found 7d"
            ),
            (
                ["timeout: 20d"],
                "7: cleanups.a.timeout: expected no less than warn, which is 23d by default, found 20d"
            ),
            (
                ["stale: 25d"],
                "7: cleanups.a.stale: expected no more than warn, which is 23d by default, found 25d"
            ),
        ])
    func order(lines: [String], message: String) {
        #expect(problems(["policy: paused", "states: p", "since: at"] + lines) == "curfew.yaml:\(message)")
    }

    @Test(
        "what can't be is refused, with what was expected",
        arguments: [
            (
                ["policy: paused", "states: p", "since: [staleSince]"],
                "6: cleanups.a.since: “staleSince” is a mark that this policy writes, expected another field"
            ),
            (
                ["policy: paused", "states: cancelled", "since: at"],
                "3: cleanups.a.to: omitted, it is “cancelled”, which is one of states, so the record would never leave "
                    + "them"
            ),
            (
                ["policy: dependent", "states: P", "since: at", "parent: jobs", "parent-states: R", "to: D"],
                "7: cleanups.a.parent: “jobs” is one key for all records, expected one like job:<jobId>"
            ),
            (
                ["policy: dependent", "states: P", "since: at", "parent: 'j:<j>'", "to: D"],
                "3: cleanups.a.parent-states: missing, expected a text or a list of texts"
            ),
            (
                ["policy: retention", "since: at", "keep: 30d", "also: [jobs]"],
                "7: cleanups.a.also: “jobs” is one key for all records, expected one like job:<id>:log"
            ),
            (
                ["policy: retention", "since: at", "keep: 30d", "also: ['j:<id']"],
                "7: cleanups.a.also: “j:<id” is not a key: “<” is never closed (column 3)"
            ),
            (
                ["policy: retention", "since: at", "keep: 30d", "states: []"],
                "7: cleanups.a.states: is empty, expected a text or a list of texts"
            ),
            (
                ["policy: retention", "since: at", "keep: 30d", "keeps: {by: t}"],
                "7: cleanups.a.keeps: has no type, expected one like TIER_4K: 20m"
            ),
        ])
    func wrong(lines: [String], message: String) {
        #expect(problems(lines) == "curfew.yaml:\(message)")
    }

    @Test(
        "rules of files that don't go together are refused",
        arguments: [
            (["since: at"], "3: cleanups.a.orphan: missing, expected orphan or deleted or both"),
            (["orphan: {unless: o}"], "3: cleanups.a.since: missing, expected a text or a list of texts"),
            (
                ["since: at", "orphan: {unless: o, mark: d}"],
                "8: cleanups.a.orphan.mark: expected “d” to be deleted.since as well, found no such section"
            ),
            (
                ["since: at", "orphan: {unless: o, mark: d}", "deleted: {since: e}"],
                "8: cleanups.a.orphan.mark: expected “d” to be deleted.since as well, found “e” there"
            ),
            (
                ["since: d", "orphan: {unless: o, mark: d}", "deleted: {since: d}"],
                "8: cleanups.a.orphan.mark: “d” is already one of since"
            ),
            (
                ["since: at", "orphan: {unless: d}", "deleted: {since: d}"],
                "9: cleanups.a.deleted.since: “d” is already the field of cleanups.a.orphan.unless"
            ),
            (
                ["deleted: {since: d}", "refs: d"],
                "7: cleanups.a.deleted.since: “d” is already the field of cleanups.a.refs"
            ),
            (["deleted: {since: status}"], "7: cleanups.a.deleted.since: “status” is already the field of status"),
            (
                ["deleted: {since: d, afer: 1d}"],
                "7: cleanups.a.deleted.afer: unknown key, did you mean “after”? (expected one of since, after)"
            ),
        ])
    func rules(lines: [String], message: String) {
        #expect(problems(["policy: files", "storage: uploads", "object: key"] + lines) == "curfew.yaml:\(message)")
    }

    @Test("an object is a field, a template, a field without a beginning, or a list of these")
    func objects() throws {
        let lines = ["policy: files", "storage: uploads", "deleted: {since: d}"]
        func policy(_ object: String, _ others: String...) throws -> FilesPolicy {
            try #require(
                try parse(lines + ["object: \(object)"] + others).cleanups.first?.policy as? FilesPolicy)
        }
        #expect(try policy("key").objects == [ObjectSource(field: "key")])
        #expect(try policy("store/<key>").objects == [ObjectSource(try KeyTemplate("store/<key>"))])
        #expect(
            try policy("{field: u, strip: https://a/}").objects == [ObjectSource(field: "u", strip: ["https://a/"])])
        let both = try policy("[key, \"<id>.png\"]", "refs: blob:<key>:refs")
        #expect(both.objects == [ObjectSource(field: "key"), ObjectSource(try KeyTemplate("<id>.png"))])
        #expect(both.refs == .key(try KeyTemplate("blob:<key>:refs")))
        #expect(try policy("key", "refs: uses").refs == .field("uses"))
        for (object, expected) in [
            ("[]", "has 0 objects, expected 1 to 20"), ("a<", "“a<” is not a template: “<” is never closed (column 2)"),
            ("[[a]]", "expected the name of a field, a template"), ("{field: u}", "object.strip: missing"),
            ("{field: u, stripp: a}", "did you mean “strip”?"),
        ] {
            #expect(problems(lines + ["object: \(object)"]).contains(expected), "\(object)")
        }
    }
}

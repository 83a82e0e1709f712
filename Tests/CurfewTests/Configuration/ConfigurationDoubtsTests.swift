import TestNeeds
import Testing

@testable import Curfew

/// What a configuration may say and can never match: a warning that says why, and no error.
@Suite("configuration: what can never match", .tags(.pure))
struct ConfigurationDoubtsTests {
    private func warnings(_ cleanup: String) throws -> [String] {
        let text = "redis: redis://localhost\ncleanups:\n" + cleanup
        return try Configuration.parse(text, file: "c.yaml", environment: [:]).warnings.map(\.description)
    }

    private static let stuck =
        "  a: {policy: stuck, every: 1m, states: [r], timeout: 1m, to: FAILED, since: [at], records: job:<id>"

    @Test(
        "signs of globs in a template, gaps in the names of fields and states, and keys without a gap are warned of",
        arguments: [
            ("alive: \"worker:*\"", "c.yaml:3: cleanups.a.alive: “worker:*” has a “*”"),
            ("alive: \"worker:[a-z]<id>\"", "cleanups.a.alive: “worker:[a-z]<id>” has a “[…]”"),
            ("status: \"<state>\"", "cleanups.a.status: “<state>” is the literal name of a field"),
            ("heartbeat: \"<beat>\"", "expected the name of a field, like beat"),
            ("completed-to: \"<done>\"", "cleanups.a.completed-to: “<done>” is compared as written"),
            ("alive: \"worker:alive\"", "cleanups.a.alive: “worker:alive” has no gap: it is the same key"),
            ("writes: {finished: \"<at>\"}", "cleanups.a.writes.finished: “<at>” is the literal name of a field"),
            (
                "refund: {amount: \"<cost>\", balance: \"b:<id>?\", ledger: l}",
                "cleanups.a.refund.balance: “b:<id>?” has a “?”"
            ),
        ])
    func names(setting: String, warning: String) throws {
        let warnings = try warnings("\(Self.stuck), \(setting)}\n")
        #expect(warnings.contains { $0.contains(warning) }, "\(warnings)")
    }

    @Test("what can match is not warned of")
    func quiet() throws {
        let settings = "alive: \"worker:<w>\", heartbeat: beat, refund: {amount: cost, balance: \"b:<u>\", ledger: l}"
        #expect(try warnings("\(Self.stuck), \(settings)}\n").isEmpty)
    }

    @Test(
        "a retention that waits for a field which nobody writes is warned of",
        arguments: [
            ("finishedAt", "", false), ("completed_at", "", true),
            ("completed_at", ", writes: {finished: completed_at}", false),
            ("finishedAt", ", writes: {finished: ended}", true), ("finishedAt", ", writes: {finished: none}", true),
            ("createdAt", "", false), ("at", "", false),
        ])
    func retention(since: String, writes: String, isWarned: Bool) throws {
        let warnings = try warnings(
            """
            \(Self.stuck)\(writes)}
              old: {policy: retention, every: 1h, records: job:<id>, states: [FAILED], since: [\(since)], keep: 7d}

            """)
        #expect(warnings.count == (isWarned ? 1 : 0), "\(warnings)")
        guard isWarned else { return }
        #expect(warnings[0].hasPrefix("c.yaml:4: cleanups.old.since: waits for \(since), which a doesn't write"))
        #expect(warnings[0].hasSuffix("writes: {finished: \(since)} in a"))
    }

    @Test(
        "two cleanups that change the same records are warned of, and those that don't aren't",
        arguments: [
            (
                "{policy: stuck, every: 1m, states: [q, r], timeout: 1m, to: X, since: [at], records: job:<id>}",
                "in state r"
            ),
            (
                "{policy: dependent, every: 1m, states: [r], to: X, since: [at], parent: \"p:<p>\", parent-states: [x], records: job:<id>}",
                "in state r"
            ),
            ("{policy: stuck, every: 1m, states: [q], timeout: 1m, to: X, since: [at], records: job:<id>}", nil),
            ("{policy: stuck, every: 1m, states: [r], timeout: 1m, to: X, since: [at], records: task:<id>}", nil),
            (
                "{policy: stuck, every: 1m, states: [r], timeout: 1m, to: X, since: [at], records: job:<id>, status: phase}",
                nil
            ),
            (
                "{policy: stuck, every: 1m, states: [r], timeout: 1m, to: X, since: [at], records: job:<id>, enabled: false}",
                nil
            ),
            (
                "{policy: stuck, every: 1m, states: [r], timeout: 1m, to: X, since: [at], records: job:<id>, only: {id: \"[0-9]+\"}}",
                nil
            ),
            ("{policy: retention, every: 1m, since: [at], keep: 7d, records: job:<id>}", nil),
        ])
    func shared(_ other: String, _ what: String?) throws {
        let warnings = try warnings("\(Self.stuck)}\n  b: \(other)\n").filter { $0.contains("cleanups.b.") }
        guard let what else {
            #expect(warnings.isEmpty)
            return
        }
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("c.yaml:4: cleanups.b.records: a changes the same records \(what)") == true)
    }

    @Test("of many cleanups that change the same records each names a few others")
    func manyShared() throws {
        let names = (0..<500).map { "c\($0)" }
        let one = "{policy: stuck, every: 1m, states: [r], timeout: 1m, to: X, since: [at], records: job:<id>}"
        let warnings = try warnings(names.map { "  \($0): \(one)\n" }.joined())
        #expect(warnings.count { $0.contains("changes the same records") } == 1 + 2 + 3 * 497)
        #expect(warnings.count { $0.contains("cleanups.c499.records: c") } == 3)
    }

    @Test("two locks cleanups of the same keys are at odds")
    func sharedLocks() throws {
        let lock = "{policy: locks, every: 1h, records: lock:<id>, timeout: 1h}"
        let warnings = try warnings("  a: \(lock)\n  b: \(lock)\n")
        #expect(warnings.count == 1 && warnings[0].contains("cleanups.b.records: a changes the same records"))
    }

    @Test(
        "a retention that waits for a field which a pause or a group doesn't get at its end is warned of",
        arguments: [
            ("paused, states: [p], since: [at]", "cancelled", "cancelledAt", true),
            ("paused, states: [p], since: [at], touch: [cancelledAt]", "cancelled", "cancelledAt", false),
            ("paused, states: [p], since: [at], to: gone", "cancelled", "cancelledAt", false),
            ("paused, states: [p], since: [at]", "cancelled", "createdAt", false),
            (
                "counters, states: [p], since: [at], timeout: 1h, total: t, counters: {pending: p, failed: f}",
                "completed",
                "completedAt", true
            ),
        ])
    func otherEnds(_ policy: String, _ state: String, _ since: String, _ isWarned: Bool) throws {
        let warnings = try warnings(
            """
              a: {policy: \(policy), every: 1h, records: batch:<id>}
              old: {policy: retention, every: 1h, records: batch:<id>, states: [\(state)], since: [\(since)], keep: 7d}

            """)
        #expect(warnings.count == (isWarned ? 1 : 0), "\(warnings)")
        if isWarned {
            #expect(warnings[0].hasPrefix("c.yaml:4: cleanups.old.since: waits for \(since), which a doesn't"))
        }
    }
}

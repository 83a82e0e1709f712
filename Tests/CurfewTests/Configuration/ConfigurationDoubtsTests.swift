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
}

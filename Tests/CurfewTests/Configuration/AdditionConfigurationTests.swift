import TestNeeds
import Testing

@testable import Curfew

/// What the file may say of them.
@Suite("touch, carry and the record of a refund in the file", .tags(.pure))
struct AdditionConfigurationTests {
    private func problems(_ lines: String, policy: String = "stuck") -> String {
        let specific =
            policy == "stuck"
            ? "states: [A], to: F, since: [s], timeout: 5m"
            : "states: [A], since: [s], keep: 7d"
        let text = """
            redis: redis://h
            cleanups:
              jobs: {policy: \(policy), every: 1m, records: "j:<id>", \(specific), \(lines)}
            """
        do {
            _ = try Configuration.parse(text, file: "c", environment: [:])
            return ""
        } catch {
            return error.problems.map(\.description).joined(separator: "\n")
        }
    }

    @Test(
        "a mistake is named with its place and what was expected",
        arguments: [
            (
                "touch: c, refund: {amount: c, balance: \"b:<u>\", ledger: \"l:<u>\"}",
                "jobs.touch: “c” is a field that this policy uses otherwise"
            ),
            ("touch: error", "jobs.touch: “error” is a field that this policy uses otherwise"),
            (
                "refund: {amount: c, balance: \"b:<u>\", ledger: \"l:<u>\", record: {to: \"l:<u>\", as: text, value: v}}",
                "refund.record: it would go into the ledger, l:<u>: expected a key of its own"
            ),
            ("touch: status", "jobs.touch: “status” holds the status, expected a field with a time"),
            ("refund: {amount: c, balance: \"b:<u>\", ledger: \"l:<u>\", record: {kind: list}}", "record.to: missing"),
            (
                "refund: {amount: c, balance: \"b:<u>\", ledger: \"l:<u>\", record: {to: \"t:<u>\", kind: zset}}",
                "record.score: missing, expected a number"
            ),
            (
                "refund: {amount: c, balance: \"b:<u>\", ledger: \"l:<u>\", record: [{to: \"t:<u>\", kind: set, at: head}]}",
                "record[1].at: a set has no head and tail, expected kind: list"
            ),
            (
                "refund: {amount: c, balance: \"b:<u>\", ledger: \"l:<u>\", record: {to: \"t:<u>\", json: {at: \"<now:soon>\"}}}",
                "record.json.at: “<now:soon>” is no time"
            ),
            (
                "refund: {amount: c, balance: \"b:<u>\", ledger: \"l:<u>\", record: {to: \"t:<u>\", kind: list, entry: {a: b}}}",
                "record.entry: a list has no entries of fields"
            ),
            (
                "refund: {amount: c, balance: \"b:<u>\", ledger: \"l:<u>\", record: {to: \"t:<u>\", kind: lst}}",
                "record.kind: unknown “lst”, did you mean “list”?"
            ),
            (
                "refund: {amount: c, balance: \"b:<u>\", ledger: \"l:<u>\", record: {to: \"{curfew}:events\"}}",
                "record.to: “{curfew}:events” is one of Curfew's own keys"
            ),
        ])
    func mistakes(lines: String, expected: String) {
        #expect(problems(lines).contains(expected), "\(problems(lines))")
    }

    @Test("touch is refused where no state is changed, and carry is not")
    func retention() {
        #expect(
            problems("touch: updatedAt", policy: "retention").contains(
                "touch: has no effect: retention changes no state"))
        #expect(problems("carry: [userId]", policy: "retention") == "")
    }

    @Test("a file that uses all of it as it is meant gives no warning")
    func noDoubts() throws {
        let text = """
            redis: redis://h
            cleanups:
              jobs:
                policy: stuck
                every: 1m
                records: "j:<id>"
                states: [A]
                to: F
                since: [s]
                timeout: 5m
                touch: [updatedAt]
                carry: [owner]
                refund:
                  amount: c
                  balance: "b:<u>"
                  ledger: "l:<u>"
                  record:
                    - {to: "t:<u>", json: {status: "<to>", amount: "<amount>", error: "<reason>"}}
                    - {to: "log:<id>", score: "<now:ms>", member: "<id>:<from>"}
            """
        #expect(try Configuration.parse(text, file: "c", environment: [:]).warnings.map(\.description) == [])
    }
}

import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

private struct PureWrongPolicy: WrongPolicy {
    static let name = "wrong"
    static let gate = PolicyGate()
}

@Suite("verdicts of a program's own policy", .tags(.pure))
struct CustomPolicyTests {
    private static let now = Timestamp(milliseconds: 1_796_000_000_000)

    private func judge<Own: Curfew.Policy>(
        _ policy: Own.Type, _ keys: String, _ fields: [String: String], answers: [Question: Answer] = [:]
    ) throws -> Verdict {
        let file = try Configuration.parse(
            "redis: redis://x\ncleanups:\n  a: {policy: \(policy.name), every: 1h, records: 'doc:<id>'\(keys)}\n",
            file: "c.yaml", environment: [:], policies: KnownPolicies(own: [policy]))
        let custom = try #require(file.cleanups.first?.policy as? CustomPolicy<Own>)
        let names = custom.fields
        let record = Record(
            id: "1", key: "doc:1", content: .hash(Fields(names: names, values: names.map { fields[$0] })),
            answers: answers)
        return try custom.judge(record, at: Self.now, FieldWatch(custom.declared.known))
    }

    private func fault(_ does: String) -> String? {
        do {
            let verdict = try judge(PureWrongPolicy.self, "", ["does": does, "status": "open"])
            return "no error: \(verdict)"
        } catch {
            return (error as? RecordError)?.message
        }
    }

    @Test(
        "what a policy must not do is the record's error, in words",
        arguments: [
            ("throw", "this is what is wrong with it"),
            ("throw anything", "the policy wrong failed: CancellationError()"),
            ("ask nothing", "the policy wrong asks, but names no question"),
            ("ask elsewhere", "the policy wrong asks for undeclared:a, which it doesn't declare"),
            (
                "no guards",
                "the policy wrong wants a change without guards, which could overwrite anything: expected what it rests on"
            ),
            ("no effects", "the policy wrong wants a change that does nothing: expected effects"),
            ("undeclared field", "the policy wrong writes other, which it doesn't declare"),
            ("undeclared key", "the policy wrong writes to undeclared:a as a list, which it doesn't declare"),
            ("undeclared guard", "the policy wrong guards undeclared:a, which it doesn't declare"),
            ("removal", "the policy wrong removes the record, which it doesn't declare"),
            ("refund", "the policy wrong pays something back, which it doesn't declare"),
            ("own key", "the policy wrong guards {curfew}:fence, which it doesn't declare"),
            (
                "look",
                "the policy wrong looks at other, which its reads don't declare: expected one of does, status"
            ),
            ("twice", "the policy wrong writes status twice"),
            ("throw nothing", "the policy wrong throws, and doesn't say why"),
            ("add to another's", "the policy wrong writes to inbox:of-another as a list, which it doesn't declare"),
            ("write twice", "the policy wrong writes text:1 twice"),
            ("take twice", "the policy wrong takes x out of inbox:1 twice"),
            (
                "discard what it writes",
                "the policy wrong discards inbox:1 and writes to it: expected one of both"
            ),
            (
                "discard itself",
                "the policy wrong discards doc:1, which is the record itself: expected to remove it"
            ),
            (
                "call it removed",
                "the policy wrong calls it “remove”, but leaves the record where it is: expected to remove it"
            ),
            (
                "keep for ages",
                "the policy wrong keeps text:1 for 106751991167d7h12m55s807ms: expected more than 0 and at most 100 years"
            ),
            (
                "write too much",
                "the policy wrong wants to write 67108865 bytes with one change: expected at most 67108864"
            ),
        ])
    func faults(_ does: String, _ message: String) {
        #expect(fault(does) == message)
    }

    @Test(
        "what adds something and leaves the record as it is could be made twice, unless it ends a guard of its own",
        arguments: ["only add", "add, and set the same"])
    func once(_ does: String) throws {
        #expect(fault(does)?.hasPrefix("the policy wrong wants a change that could be made twice") == true)
        guard case .change = try judge(PureWrongPolicy.self, "", ["does": "add once", "status": "open"]) else {
            Issue.record("no change")
            return
        }
    }

    @Test("what it says of a change is cut to a size that events can have")
    func long() throws {
        guard case .change(let change) = try judge(PureWrongPolicy.self, "", ["does": "say much", "status": "a"]) else {
            Issue.record("no change")
            return
        }
        #expect(change.from.utf8.count <= 203 && change.to.utf8.count <= 203 && change.reason.utf8.count <= 1_003)
    }

    private static let tidy = ", index: docs, idle: 1h, inbox: 'inbox:<owner>'"
    private static let old = [
        "touched": String(now.milliseconds - 7_200_000), "owner": "ann", "draft": "text", "status": "open",
    ]
    private static let dead = [Question.exists(key: "worker:ann:alive"): Answer.exists(false)]

    @Test("it asks, and what it writes is guarded by what was read, beside what it says itself")
    func guarded() throws {
        let asked = try judge(TidyPolicy.self, Self.tidy, Self.old)
        #expect(asked == .ask([.exists(key: "worker:ann:alive")]))
        guard case .change(let change) = try judge(TidyPolicy.self, Self.tidy, Self.old, answers: Self.dead) else {
            Issue.record("no change")
            return
        }
        #expect(
            change.guards == [
                .field("touched", equals: Self.old["touched"]), .keyAbsent("worker:ann:alive"),
                .field("status", equals: "open"), .field("draft", equals: "text"),
            ])
        #expect(change.effects.contains(.discard("doc:1:log")))
        #expect(
            change.write
                == RecordWrite(
                    [FieldWrite(field: "status", value: "tidy"), FieldWrite(field: "draft", value: nil)],
                    before: [FieldWrite(field: "status", value: "open"), FieldWrite(field: "draft", value: "text")]))
        #expect(!change.pays)
    }

    @Test("what it pays back is named after the record and the charge; an amount that is none is the record's error")
    func refund() throws {
        let paid = Self.old.merging(["cost": "12.50"]) { $1 }
        guard case .change(let change) = try judge(TidyPolicy.self, Self.tidy, paid, answers: Self.dead) else {
            Issue.record("no change")
            return
        }
        let touched = try #require(Self.old["touched"])
        #expect(
            change.refund
                == Refund(
                    amount: try #require(Amount(text: "12.50")), balance: "user:ann:tokens",
                    ledger: "user:ann:refunds", entry: "doc:1@\(touched)"))
        let unreadable = Self.old.merging(["cost": "much"]) { $1 }
        #expect(throws: RecordError("cost is “much”: \(Amount.expectation)")) {
            try judge(TidyPolicy.self, Self.tidy, unreadable, answers: Self.dead)
        }
    }

    @Test("a record that is dropped without guards is guarded by all that was read of it")
    func dropped() throws {
        guard case .drop(_, let guards) = try judge(TidyPolicy.self, Self.tidy, ["status": "tidy"]) else {
            Issue.record("no drop")
            return
        }
        #expect(guards.contains(.field("status", equals: "tidy")) && guards.contains(.field("owner", equals: nil)))
    }

    @Test("letters beyond ASCII come and go as they are")
    func letters() throws {
        let fields = ["does": "", "status": "öffnen".held]
        guard case .change(let change) = try judge(PureWrongPolicy.self, "", fields) else {
            Issue.record("no change")
            return
        }
        #expect(change.guards.contains(.field("status", equals: "öffnen".held)))
        let record = PolicyRecord(id: "ö", fields: ["a": "öffnen"], at: PolicyTime(milliseconds: 0))
        #expect(record.id == "ö" && record["a"] == "öffnen" && record.bytes(of: "a") == Array("öffnen".utf8))
        #expect(record.unchanged("a") == [.field("a", equals: "öffnen")])
    }
}

import TestNeeds
import TestSupport
import Testing

@testable import Policies

/// How old a record may become: by what it says itself, by its type, and whatever shows that it is alive.
@Suite("How old records may become", .tags(.pure))
struct TimeLimitTests {
    private func policies(
        _ own: TimeLimit.Own? = nil, type: TimeLimit? = nil
    ) -> [any Policy] {
        let types = type.map { StuckPolicy.Types(by: "tier", byType: ["BIG": .init(timeout: $0)]) }
        let locks = type.map { LocksPolicy.Types(by: "tier", byType: ["BIG": .init(timeout: $0)]) }
        let keeps = type.map { TimesByType(by: "tier", byType: ["BIG": $0]) }
        return [
            StuckPolicy(
                states: ["P"], since: ["at"], timeout: .seconds(300), ownTimeout: own, to: "F", types: types),
            LocksPolicy(since: ["at"], timeout: .seconds(300), ownTimeout: own, types: locks),
            RetentionPolicy(since: ["at"], keep: .seconds(300), ownKeep: own, keeps: keeps),
        ]
    }

    private func values(_ age: Int, _ others: [String: String] = [:]) -> [String: String] {
        ["status": "P", "at": ago(.seconds(age))].merging(others) { $1 }
    }

    @Test(
        "a record says itself how old it may become",
        arguments: [
            ("600", SpanUnit.seconds), ("600.0", .seconds), ("10", .minutes), ("600000", .milliseconds),
            ("0.16666667", .hours),
        ])
    func own(text: String, unit: SpanUnit) throws {
        for policy in policies(.init(field: "ttl", unit: unit)) {
            let young = try policy.settle(values(500, ["ttl": text]))
            #expect(young.leave?.until == now + .seconds(100), "\(type(of: policy).kind)")
            let change = try #require(try policy.settle(values(600, ["ttl": text])).change)
            #expect(change.timeout == .seconds(600))
            #expect(change.guards.contains(.field("ttl", equals: text)))
            #expect(policy.fields.contains("ttl") && policy.hasOwnTimeouts)
        }
    }

    @Test("a record that says none has the default, or is an error where there is none", arguments: [nil, "", "None"])
    func silent(text: String?) throws {
        for (mine, required) in zip(
            policies(.init(field: "ttl", unit: .seconds)),
            policies(.init(field: "ttl", unit: .seconds, isRequired: true)))
        {
            var values = values(300)
            values["ttl"] = text
            let change = try #require(try mine.settle(values).change)
            #expect(change.guards.contains(.field("ttl", equals: text)))
            let error = try #require(throws: RecordError.self) { try required.settle(values) }
            #expect(error.message == "ttl is missing: expected a number of seconds")
        }
    }

    @Test(
        "what can't be such a time is the record's error",
        arguments: ["0", "0.0", "-5", "five", "5s", "1e2", "99999999999", " 7"])
    func absurd(text: String) throws {
        for policy in policies(.init(field: "ttl", unit: .seconds)) {
            let error = try #require(throws: RecordError.self, "\(type(of: policy).kind)") {
                try policy.settle(values(600, ["ttl": text]))
            }
            #expect(error.message.hasPrefix("ttl is “\(text)”: expected"))
        }
    }

    @Test("a type's time comes before what the record says, and the override before both")
    func types() throws {
        let own = TimeLimit.Own(field: "ttl", unit: .seconds)
        for policy in policies(own, type: TimeLimit(.seconds(1_000))) {
            let big = values(900, ["ttl": "600", "tier": "BIG"])
            #expect(try policy.settle(big).leave?.until == now + .seconds(100), "\(type(of: policy).kind)")
            let small = values(900, ["ttl": "600", "tier": "SMALL"])
            #expect(try policy.settle(small).change?.timeout == .seconds(600))
            var once = policy
            once.timeoutOverride = .seconds(60)
            #expect(try once.settle(big).change?.timeout == .seconds(60))
        }
        for policy in policies(type: TimeLimit(.seconds(300), own: own)) {
            let big = try #require(try policy.settle(values(900, ["ttl": "600", "tier": "BIG"])).change)
            #expect(big.timeout == .seconds(600) && big.guards.contains(.field("tier", equals: "BIG")))
        }
    }

    @Test("past the highest age no sign of life keeps a record, and none is guarded")
    func maxAge() throws {
        let alive = Liveness(try KeyTemplate("hb:<worker>"))
        let stuck = StuckPolicy(
            states: ["P"], since: ["at"], heartbeat: "beat", timeout: .seconds(300), maxAge: .seconds(3_600),
            alive: alive, to: "F")
        let lock = LocksPolicy(since: ["at"], timeout: .seconds(300), maxAge: .seconds(3_600), alive: alive)
        let world = World(keys: ["hb:w"])
        for policy in [stuck, lock] as [any Policy] {
            let lively = ["worker": "w", "beat": ago(.seconds(1))]
            let young = try policy.settle(values(3_500, lively), in: world)
            #expect(young.change == nil, "\(type(of: policy).kind)")
            let change = try #require(try policy.settle(values(3_600, lively), in: world).change)
            #expect(change.reason.contains("max-age 1h") && change.age == .seconds(3_600))
            #expect(!change.guards.contains(.field("beat", equals: ago(.seconds(1)))))
            #expect(!change.guards.contains(.keyAbsent("hb:w")))
            #expect(change.guards.contains(.field("at", equals: ago(.seconds(3_600)))))
        }
        let beating = values(3_500, ["beat": ago(.seconds(1))])
        #expect(try stuck.settle(beating).leave?.until == now + .seconds(100))
    }

    @Test("a type has its own end, retry and refund, or does without")
    func rules() throws {
        let refund = StuckPolicy.RefundRule(
            amount: "cost", balance: try KeyTemplate("user:<user>"), ledger: try KeyTemplate("paid:<user>"))
        let other = StuckPolicy.RefundRule(
            amount: "price", balance: try KeyTemplate("team:<user>"), ledger: try KeyTemplate("paid:<user>"))
        let policy = StuckPolicy(
            states: ["P"], since: ["at"], timeout: .seconds(300), retry: .init(limit: 1, to: "Q"), to: "F",
            refund: refund,
            types: StuckPolicy.Types(
                by: "tier",
                byType: [
                    "ONCE": .init(to: "EXPIRED", retry: .none),
                    "FREE": .init(retry: .none, refund: .none),
                    "DEAR": .init(retry: .none, refund: .rule(other)),
                    "SOFT": .init(retry: .rule(.init(limit: 1, to: "AGAIN"))),
                ]))
        func change(_ tier: String) throws -> Change {
            let record = values(600, ["tier": tier, "user": "u", "cost": "5", "price": "7"])
            return try #require(try policy.settle(record).change)
        }
        let plain = try change("")
        #expect(plain.to == "Q" && !plain.pays)
        let once = try change("ONCE")
        #expect(once.to == "EXPIRED" && once.refund?.balance == "user:u")
        #expect(try !change("FREE").pays && change("FREE").to == "F")
        #expect(try change("DEAR").refund?.balance == "team:u")
        #expect(try change("SOFT").to == "AGAIN")
        #expect(once.guards.contains(.field("tier", equals: "ONCE")))
        let record = policy.record("1", values(600, ["tier": "DEAR", "user": "u"]))
        #expect(try policy.charge(of: record)?.balance == "team:u")
        #expect(policy.writes.map(\.template.text) == ["paid:<user>", "user:<user>", "team:<user>"])
        // What a type ends in is final for all, and what it goes back to is not.
        let ended = try policy.settle(values(600, ["status": "expired"]))
        #expect(
            ended == .drop(because: "status is expired, which is final", guards: [.field("status", equals: "expired")]))
    }
}

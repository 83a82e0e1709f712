import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Which keys of a cleanup are in one slot of a Cluster, told from the configuration.
@Suite("the slots of a configuration", .tags(.pure))
struct SlotPlanTests {
    private static func plan(_ cleanup: String) throws -> SlotPlan {
        let configuration = try Configuration.parse(
            "redis: redis+cluster://h:7000\ncleanups:\n  it: \(cleanup)\n", file: "test.yaml", environment: [:])
        return SlotPlan(configuration.cleanups[0], prefix: configuration.prefix)
    }

    private static func stuck(_ records: String, _ user: String, queue: String = "jobs:queued") -> String {
        """
        {policy: stuck, every: 1h, records: "\(records)", index: "jobs:deadlines", states: [A], since: [at], timeout: 1m,
         to: B, alive: "worker:<w>:alive", retry: {limit: 1, to: C, queue: "\(queue)"},
         refund: {amount: cost, balance: "\(user):tokens", ledger: "\(user):refunds"}}
        """
    }

    @Test("keys without braces are all in slots of their own")
    func apart() throws {
        let plan = try Self.plan(Self.stuck("job:<id>", "user:<user>"))
        #expect(plan.atomic == [])
        #expect(
            plan.saga == [
                "ledger user:<user>:refunds", "balance user:<user>:tokens", "queue jobs:queued",
                "events {curfew}:events", "index jobs:deadlines",
            ])
        #expect(plan.readOnly == ["alive worker:<w>:alive"])
    }

    @Test("keys with the record's hash tag are written with it")
    func together() throws {
        let plan = try Self.plan(Self.stuck("{jobs}:<id>", "{jobs}:user:<user>", queue: "{jobs}:queued"))
        #expect(
            plan.atomic == [
                "ledger {jobs}:user:<user>:refunds", "balance {jobs}:user:<user>:tokens", "queue {jobs}:queued",
            ])
        #expect(plan.saga == ["events {curfew}:events", "index jobs:deadlines"])
    }

    @Test("with Curfew's own tag everything is one step")
    func own() throws {
        let plan = try Self.plan(
            #"{policy: retention, every: 1h, records: "job:{curfew}:<id>", since: [at], keep: 1d, also: ["log:{curfew}:<id>"]}"#
        )
        #expect(plan.saga == [] && plan.atomic.count == 3)
    }

    @Test("a key that goes along is in the record's slot where the tag is its whole key, or that of both")
    func companions() throws {
        let plan = try Self.plan(
            #"{policy: retention, every: 1h, records: "job:<id>", since: [at], keep: 1d, also: ["{job:<id>}:log", "job:<id>:log"]}"#
        )
        #expect(plan.atomic == ["also {job:<id>}:log"])
        #expect(plan.saga.first == "also job:<id>:log")
    }

    @Test("a parent in another slot is guarded by reading only", arguments: [("job:<job>", 1), ("{<id>}:job", 0)])
    func parent(template: String, count: Int) throws {
        let plan = try Self.plan(
            """
            {policy: dependent, every: 1h, records: "plan:{<id>}", states: [A], since: [at], parent: "\(template)",
             parent-states: [B], to: C}
            """)
        #expect(plan.readOnly.count == count)
    }

    static let pairs = [
        ("job:<id>", "job:<id>", true), ("job:<id>", "log:<id>", false), ("job:{<id>}", "log:{<id>}:x", true),
        ("job:{<id>}", "log:{<job>}", false), ("a{x<id>}b", "c{x<id>}d{y}", true), ("{}<id>", "{}<id>", true),
        ("{}<id>", "x{}<id>", false), ("a}b{<id>}", "{<id>}", true), ("{<id>", "{<id>", true), ("{<id>", "<id>", false),
        ("{{<id>}}", "{{<id>}", true), ("<id>", "{<id>}", true),
    ]

    @Test("templates share a slot exactly where their keys do", arguments: pairs)
    func slots(first: String, second: String, isShared: Bool) throws {
        let (one, other) = (try KeyTemplate(first), try KeyTemplate(second))
        #expect(one.sharesSlot(with: other) == isShared && other.sharesSlot(with: one) == isShared)
        let keys = try [one, other].map { try $0.expand(id: "17") { "\($0)-4" } }
        #expect((RedisSlot.of(keys[0]) == RedisSlot.of(keys[1])) == isShared)
        #expect(one.sharesSlot(withKey: "elsewhere") == false)
    }

    @Test("all of Curfew's own keys are in one slot, whatever the prefix is", arguments: ["curfew", "a.b-c_D9"])
    func prefix(word: String) {
        let keys = Keys(prefix: word)
        let all = [
            keys.schedule, keys.fence, keys.instances, keys.paused, keys.runs, keys.metrics, keys.alerts, keys.events,
            keys.wake, keys.instance("h-1"), keys.lease("x"), keys.index("x"), keys.seen("x"), keys.scan("x"),
            keys.webhook("x"), keys.webhookLetters("x"), keys.webhookDead("x"), keys.mail, keys.mailLetters,
            keys.mailDead, keys.alert("x"), keys.saga("x"),
        ]
        #expect(Set(all.map { RedisSlot.of($0) }).count == 1)
    }
}

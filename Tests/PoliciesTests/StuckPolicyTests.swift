import Policies
import TestNeeds
import TestSupport
import Testing

/// The policy of the design's example, with the parts that a test asks for.
func stuckPolicy(
    timeouts: StuckPolicy.Timeouts? = nil, alive: String? = nil, completedWhen: String? = nil,
    retry: StuckPolicy.Retry? = nil, refund: Bool = false, writes: StuckPolicy.Writes = .init()
) throws -> StuckPolicy {
    let rule = StuckPolicy.RefundRule(
        amount: "tokensCost", balance: try KeyTemplate("user:<userId>:tokens"),
        ledger: try KeyTemplate("user:<userId>:refunds"))
    return StuckPolicy(
        states: ["PROCESSING"], since: ["processingStartedAt", "updatedAt"], heartbeat: "heartbeatAt",
        timeout: .seconds(300), timeouts: timeouts, alive: try alive.map { text in Liveness(try KeyTemplate(text)) },
        completedWhen: completedWhen, retry: retry, to: "FAILED", refund: refund ? rule : nil, writes: writes)
}

@Suite("Stuck: which records", .tags(.pure))
struct StuckScopeTests {
    @Test("a record that is gone is dropped, if it is still gone")
    func missing() throws {
        let verdict = try stuckPolicy().settle(Record(id: "1", key: "job:1", content: .missing))
        #expect(verdict == .drop(because: "the record is gone", guards: [.recordMissing]))
    }

    @Test("a plain string is an error that says what was expected")
    func plainString() throws {
        let policy = try stuckPolicy()
        #expect(throws: RecordError("job:1 is a plain string: expected a hash")) {
            try policy.settle(Record(id: "1", key: "job:1", content: .text("x")))
        }
    }

    @Test(
        "a record in a final state is dropped, if it is still in it",
        arguments: ["FAILED", "Failed", "completed", "COMPLETED", "Cancelled", "CANCELED"])
    func final(status: String) throws {
        let verdict = try stuckPolicy().settle(["status": status, "updatedAt": ago(.seconds(9_000))])
        #expect(
            verdict
                == .drop(because: "status is \(status), which is final", guards: [.field("status", equals: status)]))
    }

    @Test("what the policy itself leads to is final, whatever it is called")
    func ownFinals() throws {
        let policy = StuckPolicy(
            status: "state", states: ["busy"], since: ["t"], timeout: .seconds(1), completedTo: "done", to: "dead")
        for status in ["done", "Dead"] {
            guard case .drop = try policy.settle(["state": status]) else {
                Issue.record("\(status) should be final")
                continue
            }
        }
    }

    @Test("a state that is looked at, or retried to, isn't final, whatever it is called")
    func openStates() throws {
        let retry = StuckPolicy.Retry(limit: 1, to: "FAILED")
        let policy = StuckPolicy(
            states: ["completed"], since: ["t"], timeout: .seconds(1), retry: retry, to: "dead")
        #expect(try policy.settle(["status": "completed", "t": ago(.seconds(5))]).change?.action == .retry)
        #expect(try policy.settle(["status": "FAILED"]).leave?.until == now + .seconds(1))
    }

    @Test(
        "a record in any other state, or in none, is looked at again after its timeout",
        arguments: [
            (["status": "QUEUED"], "status is QUEUED, not PROCESSING"),
            (["status": "processing"], "status is processing, not PROCESSING"),
            (["status": ""], "it has no status, so it is not PROCESSING"),
            ([:], "it has no status, so it is not PROCESSING"),
        ] as [([String: String], String)])
    func elsewhere(values: [String: String], reason: String) throws {
        #expect(try stuckPolicy().settle(values) == .leave(until: now + .seconds(300), because: reason))
        let timeouts = StuckPolicy.Timeouts(by: "tier", byType: ["4K": .seconds(1_200)])
        let typed = try stuckPolicy(timeouts: timeouts).settle(values.merging(["tier": "4K"]) { $1 })
        #expect(typed.leave?.until == now + .seconds(1_200))
    }
}

@Suite("Stuck: past its time or not", .tags(.pure))
struct StuckTimeTests {
    @Test(
        "a time is understood in all three forms, and one of the policy's own is written in the same",
        arguments: [
            ("1689999000", "1690000000"), ("1689999000.25", "1690000000.00"), ("1689999000123", "1690000000000"),
            ("2023-07-22T04:10:00.123Z", "2023-07-22T04:26:40.000Z"),
            ("2023-07-22 06:10:00+0200", "2023-07-22 06:26:40+0200"), ("2023-07-22 04:10:00", "2023-07-22 04:26:40"),
        ])
    func forms(started: String, finished: String) throws {
        let verdict = try stuckPolicy().settle(["status": "PROCESSING", "processingStartedAt": started])
        #expect(verdict.change?.written("finishedAt") == finished)
    }

    @Test("an age equal to the timeout is past it, a millisecond less is not")
    func boundary() throws {
        let policy = try stuckPolicy()
        let values = ["status": "PROCESSING", "processingStartedAt": "1690000000000"]
        let left = try policy.settle(values, at: now + .milliseconds(299_999))
        #expect(left == .leave(until: now + .seconds(300), because: "processingStartedAt 4m59s ago, times out in 1ms"))
        let change = try #require(try policy.settle(values, at: now + .seconds(300)).change)
        #expect(change.age == .seconds(300))
        #expect(change.timeout == .seconds(300))
    }

    @Test("the later of the heartbeat and the first present start decides")
    func heartbeat() throws {
        let policy = try stuckPolicy()
        let old = ["status": "PROCESSING", "processingStartedAt": ago(.seconds(900))]
        let beating = old.merging(["heartbeatAt": ago(.seconds(20))]) { $1 }
        #expect(
            try policy.settle(beating)
                == .leave(until: now + .seconds(280), because: "heartbeatAt 20s ago, times out in 4m40s"))
        let fresh = [
            "status": "PROCESSING", "processingStartedAt": ago(.seconds(30)), "heartbeatAt": ago(.seconds(900)),
        ]
        #expect(try policy.settle(fresh).leave?.until == now + .seconds(270))
    }

    @Test("the first present start decides, even where a later one is younger; an empty one is absent")
    func firstPresent() throws {
        let policy = try stuckPolicy()
        let both = ["status": "PROCESSING", "processingStartedAt": ago(.seconds(900)), "updatedAt": ago(.seconds(1))]
        #expect(try policy.settle(both).change != nil)
        let emptied = both.merging(["processingStartedAt": ""]) { $1 }
        #expect(try policy.settle(emptied).leave?.until == now + .seconds(299))
    }

    @Test("a time in the future is left until it could be past")
    func future() throws {
        let values = ["status": "PROCESSING", "updatedAt": ago(.seconds(-180))]
        let verdict = try stuckPolicy().settle(values)
        #expect(
            verdict
                == .leave(until: now + .seconds(480), because: "updatedAt 3m from now, times out in 8m"))
    }

    @Test("no start at all is an error that names the fields, even with a heartbeat")
    func noStart() throws {
        let policy = try stuckPolicy()
        let message =
            "processingStartedAt and updatedAt missing: expected Unix seconds, Unix milliseconds, ISO 8601 or RFC 2822"
        #expect(throws: RecordError(message)) {
            try policy.settle(["status": "PROCESSING", "heartbeatAt": "1", "updatedAt": ""])
        }
    }

    @Test(
        "a time that can't be read is an error that shows it",
        arguments: ["processingStartedAt", "heartbeatAt"])
    func unreadable(field: String) throws {
        let policy = try stuckPolicy()
        let values = ["status": "PROCESSING", "processingStartedAt": "1600000000", "updatedAt": "1600000000"]
        let message = "\(field) is “yesterday”: expected Unix seconds, Unix milliseconds, ISO 8601 or RFC 2822"
        #expect(throws: RecordError(message)) {
            try policy.settle(values.merging([field: "yesterday"]) { $1 })
        }
    }

    @Test("a long value is cut in the message")
    func longValue() throws {
        let policy = try stuckPolicy()
        let error = try #require(throws: RecordError.self) {
            try policy.settle(["status": "PROCESSING", "updatedAt": String(repeating: "x", count: 10_000)])
        }
        #expect(error.message.utf8.count < 200)
    }

    @Test(
        "timeouts go by type, and an override replaces them all",
        arguments: [
            (nil, "4K", 1_200), (nil, "HD", 300), (nil, nil, 300), (.seconds(60), "4K", 60), (.seconds(60), nil, 60),
            (.zero, nil, 0),
        ] as [(Duration?, String?, Int64)])
    func types(override: Duration?, type: String?, seconds: Int64) throws {
        let timeouts = StuckPolicy.Timeouts(by: "tier", byType: ["4K": .seconds(1_200), "8K": .seconds(2_400)])
        var policy = try stuckPolicy(timeouts: timeouts)
        #expect(policy.longestTimeout == .seconds(2_400))
        policy.timeoutOverride = override
        var values = ["status": "PROCESSING", "updatedAt": ago(.seconds(9_000))]
        values["tier"] = type
        let change = try #require(try policy.settle(values).change)
        #expect(change.timeout == .seconds(seconds))
        #expect(change.type == type ?? "")
        #expect(change.reason.hasSuffix("for 4K") == (override == nil && type == "4K"))
        if let override { #expect(policy.longestTimeout == override) }
    }

    @Test("without timeouts by type the longest is the general one")
    func longest() throws {
        #expect(try stuckPolicy().longestTimeout == .seconds(300))
        let shorter = StuckPolicy.Timeouts(by: "tier", byType: ["SD": .seconds(1)])
        #expect(try stuckPolicy(timeouts: shorter).longestTimeout == .seconds(300))
    }
}

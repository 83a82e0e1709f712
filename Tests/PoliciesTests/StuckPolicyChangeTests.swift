import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Stuck: what is done", .tags(.pure))
struct StuckChangeTests {
    private let stuck = [
        "status": "PROCESSING", "processingStartedAt": "1689999400", "updatedAt": "1689999990", "userId": "7",
        "tokensCost": "10",
    ]

    @Test("a stuck record fails, with reason, time of end, guards and before-image")
    func fails() throws {
        let change = try #require(try stuckPolicy().settle(stuck).change)
        let reason = "stuck in PROCESSING for 10m: processingStartedAt was 2023-07-22T04:16:40Z, timeout 5m"
        #expect(
            change
                == Change(
                    action: .fail, from: "PROCESSING", to: "FAILED", reason: reason, age: .seconds(600),
                    timeout: .seconds(300),
                    guards: [
                        .field("status", equals: "PROCESSING"), .field("processingStartedAt", equals: "1689999400"),
                        .field("heartbeatAt", equals: nil),
                    ],
                    sets: [
                        FieldWrite(field: "status", value: "FAILED"),
                        FieldWrite(field: "error", value: "stuck in PROCESSING for 10m (timeout 5m)"),
                        FieldWrite(field: "finishedAt", value: "1690000000"),
                    ],
                    before: [
                        FieldWrite(field: "status", value: "PROCESSING"), FieldWrite(field: "error", value: nil),
                        FieldWrite(field: "finishedAt", value: nil),
                    ]))
    }

    @Test("where a heartbeat decides it is the one that is guarded, and the reason says so")
    func heartbeatDecides() throws {
        let values = stuck.merging(["heartbeatAt": "1689999700000"]) { $1 }
        let change = try #require(try stuckPolicy().settle(values).change)
        #expect(
            change.reason == "stuck in PROCESSING for 5m: no heartbeat since 2023-07-22T04:21:40Z, timeout 5m")
        #expect(
            change.guards == [.field("status", equals: "PROCESSING"), .field("heartbeatAt", equals: "1689999700000")])
        #expect(change.written("finishedAt") == "1690000000000")
    }

    @Test("an older heartbeat is guarded as well: one that comes in between wins", arguments: [nil, "", "1689999000"])
    func heartbeatGuarded(beat: String?) throws {
        var values = stuck
        values["heartbeatAt"] = beat
        let change = try #require(try stuckPolicy().settle(values).change)
        #expect(change.guards.contains(.field("heartbeatAt", equals: beat)))
    }

    @Test("while the worker's key exists the record is left, due as it is")
    func alive() throws {
        let policy = try stuckPolicy(alive: "worker:<workerId>:alive")
        let values = stuck.merging(["workerId": "w1"]) { $1 }
        #expect(
            try policy.verdict(on: policy.record("1", values), at: now) == .ask([.exists(key: "worker:w1:alive")]))
        #expect(
            try policy.settle(values, in: World(keys: ["worker:w1:alive"]))
                == .leave(until: nil, because: "worker:w1:alive exists: somebody is working on it"))
        let change = try #require(try policy.settle(values).change)
        #expect(change.guards.contains(.keyAbsent("worker:w1:alive")))
        #expect(change.reason.hasSuffix("; worker:w1:alive is gone"))
    }

    @Test("the worker isn't looked up before the record is past its time")
    func aliveNotAsked() throws {
        let policy = try stuckPolicy(alive: "worker:<workerId>:alive")
        let values = stuck.merging(["workerId": "w1", "processingStartedAt": ago(.seconds(1))]) { $1 }
        #expect(try policy.verdict(on: policy.record("1", values), at: now).leave?.until == now + .seconds(299))
    }

    @Test("a record that names no worker has none, and that must stay so", arguments: [nil, ""])
    func noWorker(worker: String?) throws {
        var values = stuck
        values["workerId"] = worker
        let change = try #require(try stuckPolicy(alive: "worker:<workerId>:alive").settle(values).change)
        #expect(change.guards.contains(.field("workerId", equals: worker)))
        #expect(change.reason.hasSuffix("; no workerId"))
    }

    @Test("an answer of the wrong kind is an error, not a guess")
    func wrongAnswer() throws {
        let policy = try stuckPolicy(alive: "worker:<id>:alive")
        var record = policy.record("1", stuck)
        record.answers = [.exists(key: "worker:1:alive"): .members([])]
        #expect(throws: RecordError.self) { try policy.verdict(on: record, at: now) }
    }

    @Test("what had finished is completed, without refund or retry")
    func completes() throws {
        let policy = try stuckPolicy(
            completedWhen: "resultUrl", retry: StuckPolicy.Retry(limit: 2, to: "QUEUED"), refund: true)
        let values = stuck.merging(["resultUrl": "https://x"]) { $1 }
        let change = try #require(try policy.settle(values).change)
        #expect(change.action == .complete)
        #expect(change.to == "COMPLETED")
        #expect(change.written("finishedAt") == "1690000000")
        #expect(change.written("error") == nil)
        #expect(change.sets.count == 2)
        #expect(change.refund == nil)
        #expect(change.next == nil)
        #expect(change.guards.contains(.field("resultUrl", equals: "https://x")))
        #expect(change.reason.hasSuffix("; it had finished: resultUrl is there"))
    }

    @Test("what hadn't finished must stay so", arguments: [nil, ""])
    func notCompleted(result: String?) throws {
        var values = stuck
        values["resultUrl"] = result
        let change = try #require(try stuckPolicy(completedWhen: "resultUrl").settle(values).change)
        #expect(change.action == .fail)
        #expect(change.guards.contains(.field("resultUrl", equals: result)))
    }

    @Test("a living worker comes before a finished result")
    func aliveBeforeCompleted() throws {
        let policy = try stuckPolicy(alive: "worker:<id>:alive", completedWhen: "resultUrl")
        let values = stuck.merging(["resultUrl": "https://x"]) { $1 }
        #expect(try policy.settle(values, in: World(keys: ["worker:1:alive"])).leave != nil)
    }

    @Test("the refund names the charge by the first present start, not by the heartbeat")
    func refunds() throws {
        let policy = try stuckPolicy(refund: true)
        let change = try #require(try policy.settle(stuck.merging(["heartbeatAt": "1689999500"]) { $1 }).change)
        let refund = Refund(
            amount: 10, balance: "user:7:tokens", ledger: "user:7:refunds", entry: "job:1@1689999400")
        #expect(change.refund == refund)
        var unstarted = stuck
        unstarted["processingStartedAt"] = nil
        unstarted["updatedAt"] = "2023-07-22T04:00:00Z"
        #expect(try policy.settle(unstarted).change?.refund?.entry == "job:1@2023-07-22T04:00:00Z")
    }

    @Test("where nothing was charged, nothing is paid back")
    func noCharge() throws {
        let change = try #require(
            try stuckPolicy(refund: true).settle(stuck.merging(["tokensCost": "0", "userId": ""]) { $1 }).change)
        #expect(change.action == .fail)
        #expect(change.refund == nil)
    }

    @Test(
        "an amount that is none is an error: no failure without its refund",
        arguments: [
            nil, "", "-1", "-0.5", "ten", " 1", "+5", "1e5", "1.", ".5", "1.5.5", "9223372036854775808", "nan", "inf",
            "1234567890123456789.5", "0.1234567890123456789",
        ])
    func badAmount(amount: String?) throws {
        let policy = try stuckPolicy(refund: true)
        var values = stuck
        values["tokensCost"] = amount
        let error = try #require(throws: RecordError.self) { try policy.settle(values) }
        #expect(error.message.hasPrefix("tokensCost is "))
        #expect(error.message.hasSuffix("an amount like 12 or 12.50, 0 or more"))
    }

    @Test("a refund that can't name its balance is an error")
    func noUser() throws {
        let policy = try stuckPolicy(refund: true)
        #expect(throws: RecordError("userId is missing: “user:<userId>:tokens” needs it")) {
            try policy.settle(stuck.merging(["userId": ""]) { $1 })
        }
    }

    @Test("everything that is looked at or written is asked for, once each")
    func fields() throws {
        let policy = StuckPolicy(
            status: "state", states: ["P"], since: ["a", "b"], heartbeat: "b", timeout: .seconds(1),
            timeouts: StuckPolicy.Timeouts(by: "tier", byType: [:] as [String: Duration]),
            alive: Liveness(try KeyTemplate("w:<worker>:<id>")),
            completedWhen: "result",
            retry: StuckPolicy.Retry(
                limit: 1, to: "Q", queue: .init(key: try KeyTemplate("q:<tier>:<lane>")), attempts: "tries"),
            to: "F",
            refund: StuckPolicy.RefundRule(
                amount: "cost", balance: try KeyTemplate("u:<user>"), ledger: try KeyTemplate("u:<user>:<month>")),
            writes: StuckPolicy.Writes(recoveries: "recoveries"))
        #expect(
            policy.fields == [
                "state", "a", "b", "tier", "result", "worker", "tries", "recoveries", "lane", "cost", "user", "month",
                "error", "finishedAt",
            ])
        #expect(StuckPolicy.kind == .stuck)
    }
}

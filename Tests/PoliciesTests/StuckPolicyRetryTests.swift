import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Stuck: retries", .tags(.pure))
struct StuckRetryTests {
    private let stuck = ["status": "PROCESSING", "processingStartedAt": "1689999400", "lane": "fast", "tier": "4K"]

    private func policy(limit: Int = 2, queue: String? = "jobs:queued") throws -> StuckPolicy {
        let queue = try queue.map { text in StuckPolicy.Queue(key: try KeyTemplate(text)) }
        return try stuckPolicy(
            timeouts: StuckPolicy.Timeouts(by: "tier", byType: ["4K": .seconds(400)]),
            retry: StuckPolicy.Retry(limit: limit, to: "QUEUED", queue: queue),
            writes: StuckPolicy.Writes(recoveries: "recoveries"))
    }

    private func milliseconds(_ ago: Duration) -> String {
        String((now - ago).milliseconds)
    }

    @Test("the first recovery is noted on the record, pushed on the queue, and watched further")
    func first() throws {
        let change = try #require(try policy().settle(stuck).change)
        #expect(change.action == .retry)
        #expect(change.from == "PROCESSING")
        #expect(change.to == "QUEUED")
        #expect(
            change.reason == "stuck in PROCESSING for 10m: processingStartedAt was 2023-07-22T04:16:40Z, "
                + "timeout 6m40s for 4K; recovery 1 of 2")
        #expect(
            change.sets == [
                FieldWrite(field: "status", value: "QUEUED"), FieldWrite(field: "attempts", value: "1"),
                FieldWrite(field: "recoveries", value: "1690000000000"),
            ])
        #expect(
            change.before == [
                FieldWrite(field: "status", value: "PROCESSING"), FieldWrite(field: "attempts", value: nil),
                FieldWrite(field: "recoveries", value: nil),
            ])
        #expect(
            change.guards == [
                .field("status", equals: "PROCESSING"), .field("processingStartedAt", equals: "1689999400"),
                .field("heartbeatAt", equals: nil), .field("attempts", equals: nil),
                .field("recoveries", equals: nil),
            ])
        #expect(change.push == Push(key: "jobs:queued"))
        #expect(change.next == now + .seconds(400))
        #expect(change.refund == nil)
    }

    @Test("an earlier recovery within the window counts, one outside is forgotten; a full window long is outside")
    func window() throws {
        let window = Duration.seconds(72 * 3_600)
        let inside = milliseconds(window - .milliseconds(1))
        let history = "\(milliseconds(window)),\(inside)"
        let values = stuck.merging(["recoveries": history, "attempts": "1"]) { $1 }
        let change = try #require(try policy().settle(values).change)
        #expect(change.action == .retry)
        #expect(change.reason.hasSuffix("; recovery 2 of 2"))
        #expect(change.written("recoveries") == "\(inside),1690000000000")
        #expect(change.written("attempts") == "2")
        #expect(change.guards.contains(.field("recoveries", equals: history)))
        #expect(change.guards.contains(.field("attempts", equals: "1")))
    }

    @Test("as many recoveries as the limit, and it fails with that reason")
    func usedUp() throws {
        let values = stuck.merging(["recoveries": "\(milliseconds(.seconds(5_000))),\(milliseconds(.seconds(900)))"]) {
            $1
        }
        let change = try #require(try policy().settle(values).change)
        #expect(change.action == .fail)
        #expect(change.written("error")?.hasSuffix("; recovered 2 times in 3d") == true)
        #expect(change.push == nil)
        #expect(change.next == nil)
        #expect(try policy(limit: 1).settle(values).change?.action == .fail)
        #expect(try policy(limit: 3).settle(values).change?.action == .retry)
    }

    @Test("the app's own attempts at the limit, and it fails, though Curfew never recovered it")
    func attempts() throws {
        let values = stuck.merging(["attempts": "2"]) { $1 }
        let change = try #require(try policy().settle(values).change)
        #expect(change.action == .fail)
        #expect(change.reason.hasSuffix("; attempts is 2, limit 2"))
    }

    @Test("an app that resets its attempts doesn't get more recoveries")
    func attemptsReset() throws {
        let recoveries = [1, 2].map { milliseconds(.seconds($0)) }.joined(separator: ",")
        let values = stuck.merging(["recoveries": recoveries, "attempts": "0"]) { $1 }
        #expect(try policy().settle(values).change?.action == .fail)
    }

    @Test("a limit of 0 never retries, and doesn't talk of recoveries")
    func never() throws {
        let change = try #require(try policy(limit: 0).settle(stuck).change)
        #expect(change.action == .fail)
        #expect(!change.reason.contains("recover"))
    }

    @Test("one recovery is told in the singular")
    func singular() throws {
        let values = stuck.merging(["recoveries": milliseconds(.seconds(900))]) { $1 }
        #expect(try policy(limit: 1).settle(values).change?.reason.hasSuffix("; recovered 1 time in 3d") == true)
    }

    @Test(
        "a history or a count that can't be read is an error",
        arguments: [
            ("recoveries", "often"), ("recoveries", "1,"), ("recoveries", ",1"), ("recoveries", "1 ,2"),
            ("recoveries", "-1"), ("recoveries", "99999999999999999999"), ("attempts", "two"), ("attempts", "-1"),
            ("attempts", "1.5"),
        ])
    func unreadable(field: String, value: String) throws {
        let policy = try policy()
        let error = try #require(throws: RecordError.self) { try policy.settle(stuck.merging([field: value]) { $1 }) }
        #expect(error.message.hasPrefix("\(field) is “\(value)”: expected "))
    }

    @Test("an empty count or history is none", arguments: ["attempts", "recoveries"])
    func empty(field: String) throws {
        let change = try #require(try policy().settle(stuck.merging([field: ""]) { $1 }).change)
        #expect(change.action == .retry)
        #expect(change.guards.contains(.field(field, equals: "")))
    }

    @Test("the queue may depend on the record, and must be known")
    func queue() throws {
        let policy = try policy(queue: "jobs:<lane>")
        #expect(try policy.settle(stuck).change?.push == Push(key: "jobs:fast"))
        #expect(throws: RecordError("lane is missing: “jobs:<lane>” needs it")) {
            try policy.settle(stuck.merging(["lane": ""]) { $1 })
        }
        #expect(try self.policy(queue: nil).settle(stuck).change?.push == nil)
    }

    @Test("a record that sticks every time comes to an end")
    func poison() throws {
        let policy = try policy(limit: 3)
        var values = stuck
        var time = now
        var actions: [Change.Action] = []
        while actions.count < 10, actions.last != .fail {
            let change = try #require(try policy.settle(values, at: time).change)
            actions.append(change.action)
            for write in change.sets { values[write.field] = write.value }
            values["status"] = "PROCESSING"
            values["attempts"] = "0"
            values["processingStartedAt"] = TimeForm.seconds.text(for: time)
            time = time + .seconds(500)
        }
        #expect(actions == [.retry, .retry, .retry, .fail])
    }
}

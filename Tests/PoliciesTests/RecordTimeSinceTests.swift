import TestNeeds
import TestSupport
import Testing

@testable import Policies

/// What a record's times come to in every policy that counts from them.
@Suite("Times in records: what they count for", .tags(.pure))
struct RecordTimeSinceTests {
    private func values(_ start: String?, _ made: String?) -> [String: String] {
        var values = ["status": "open", "total": "1"]
        values["start"] = start
        values["made"] = made
        return values
    }

    @Test(
        "what stands for no time lets the next field count, whatever the policy",
        arguments: [nil, "", "0", "0.0", "null", "None", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"])
    func falls(start: String?) throws {
        for policy in try PolicyFixtures.all(["start", "made"]) {
            let young = try policy.settle(values(start, ago(.seconds(60))))
            #expect(young.leave?.until == now + .seconds(240), "\(type(of: policy).kind)")
            let change = try #require(try policy.settle(values(start, ago(.seconds(600)))).change)
            #expect(change.age == .seconds(600))
            #expect(change.guards.contains(.field("start", equals: start)), "\(type(of: policy).kind)")
            #expect(change.guards.contains(.field("made", equals: ago(.seconds(600)))))
        }
    }

    @Test(
        "a time that can't be is an error, never an age, whatever the policy",
        arguments: [
            "81234.567", "20230721", "202307210000", "20230721000000", "1", "1970-01-01T22:33:54Z", "1790000000",
            "1690000000000000000000", "1690086401", "253402300799", "-1", "1690086401000",
        ])
    func impossible(start: String) throws {
        for policy in try PolicyFixtures.all(["start", "made"]) {
            let error = try #require(throws: RecordError.self, "\(type(of: policy).kind)") {
                try policy.settle(values(start, ago(.seconds(600))))
            }
            #expect(error.message.hasPrefix("start is “\(start)”: "))
        }
    }

    @Test("a start of at most a day ahead is waited for, as clocks and zones differ")
    func ahead() throws {
        for policy in try PolicyFixtures.all(["start", "made"]) {
            let start = TimeForm.seconds.text(for: now + .seconds(86_400))
            #expect(try policy.settle(values(start, nil)).leave?.until == now + .seconds(86_700))
        }
    }

    @Test("where no field has a time, a retention leaves the record and the others say so")
    func none() throws {
        for policy in try PolicyFixtures.all(["start", "made"]) {
            if policy is RetentionPolicy {
                let leave = try #require(try policy.settle(values("0", nil)).leave)
                #expect(leave.because == "start is “0”, made missing: it has not ended yet")
            } else {
                #expect(throws: RecordError("start is “0”, made missing: \(RecordTime.expectation)")) {
                    try policy.settle(values("0", nil))
                }
            }
        }
    }

    @Test("marks, heartbeats and soft deletions are read as strictly as starts", arguments: ["20230721", "1790000000"])
    func others(text: String) throws {
        let old = ago(.seconds(600))
        let beating = StuckPolicy(
            states: ["open"], since: ["made"], heartbeat: "beat", timeout: .seconds(300), to: "failed")
        #expect(throws: RecordError.self) { try beating.settle(["status": "open", "made": old, "beat": text]) }
        #expect(try beating.settle(["status": "open", "made": old, "beat": "0"]).change != nil)
        let paused = PausedPolicy(states: ["open"], since: ["made"], stale: .seconds(300))
        #expect(throws: RecordError.self) { try paused.settle(["status": "open", "made": old, "staleSince": text]) }
        #expect(try paused.settle(["status": "open", "made": old, "staleSince": "0"]).change?.action == .mark)
        let deleted = FilesPolicy(deleted: .init(since: "deletedAt"), storage: "s", objects: [.init(field: "key")])
        #expect(throws: RecordError.self) { try deleted.settle(["deletedAt": text, "key": "a"]) }
        #expect(try deleted.settle(["deletedAt": "0", "key": "a"]).leave?.because == "it was not deleted")
    }

    @Test("the zone, the unit and the texts for nothing are those of the cleanup, whatever the policy")
    func reading() throws {
        let zone = LocalZone(name: "America/New_York") { _ in -4 * 3_600 }
        for var policy in try PolicyFixtures.all(["start", "made"]) {
            policy.times = TimeReading(unit: .milliseconds, zone: zone, nulls: ["never"])
            #expect(try policy.settle(values("never", "2023-07-22 00:25:40")).leave?.until == now + .seconds(240))
            #expect(throws: RecordError.self) { try policy.settle(values(ago(.seconds(600)), nil)) }
        }
    }
}

import TestNeeds
import TestSupport
import Testing

@testable import Policies

/// What shows that somebody is at work: heartbeats in hashes, texts and sorted sets, and registries of workers.
@Suite("Signs of life", .tags(.pure))
struct LivenessTests {
    private static let record = ["status": "P", "startedAt": ago(.seconds(600)), "worker": "w1"]

    private func policies(_ sign: Liveness.Sign, key: String = "beats") throws -> [any Policy] {
        let alive = Liveness(try KeyTemplate(key), sign)
        return [
            StuckPolicy(states: ["P"], since: ["startedAt"], timeout: .seconds(300), alive: alive, to: "F"),
            LocksPolicy(since: ["startedAt"], timeout: .seconds(300), alive: alive),
        ]
    }

    private static let asText = Liveness.Sign.time(field: nil, within: .seconds(60))

    private func inField() throws -> Liveness.Sign {
        .time(field: try KeyTemplate("<worker>"), within: .seconds(60))
    }

    private func member(within: Duration?) throws -> Liveness.Sign {
        .member(try KeyTemplate("<worker>"), within: within)
    }

    @Test(
        "a heartbeat within its time is life, in whatever form it is written",
        arguments: ["1690000000", "1689999940000", "1690000000.5", "2023-07-22T04:26:00Z", "1.69e9"])
    func fresh(beat: String) throws {
        for policy in try policies(inField()) {
            let world = World(hashes: ["beats": ["w1": beat]])
            let leave = try #require(try policy.settle(Self.record, in: world).leave)
            #expect(leave.until == nil && leave.because.hasPrefix("w1 in beats is "))
        }
        for policy in try policies(Self.asText, key: "beat:<worker>") {
            let world = World(standings: ["beat:w1": ["": .text(beat, expiresIn: nil)]])
            #expect(try policy.settle(Self.record, in: world).leave?.until == nil)
        }
    }

    @Test("a heartbeat that is older, or isn't there, is none, and is guarded as it was read")
    func stale() throws {
        let old = ago(.seconds(61))
        for policy in try policies(inField()) {
            for (world, value) in [(World(hashes: ["beats": ["w1": old]]), old), (World(), nil)] {
                let change = try #require(try policy.settle(Self.record, in: world).change)
                #expect(change.guards.contains(.otherField(key: "beats", field: "w1", equals: value)))
                #expect(change.guards.contains(.field("worker", equals: "w1")))
            }
        }
        for policy in try policies(Self.asText, key: "beat:<worker>") {
            let world = World(standings: ["beat:w1": ["": .text(old, expiresIn: nil)]])
            let change = try #require(try policy.settle(Self.record, in: world).change)
            #expect(change.guards.contains(.otherText(key: "beat:w1", equals: old)))
            let gone = try #require(try policy.settle(Self.record).change)
            #expect(gone.guards.contains(.keyAbsent("beat:w1")))
        }
        for policy in try policies(member(within: .seconds(60)), key: "beats") {
            let world = World(standings: ["beats": ["w1": .zset(score: old)]])
            let change = try #require(try policy.settle(Self.record, in: world).change)
            #expect(change.guards.contains(.scored(key: "beats", member: "w1", score: old)))
            let gone = try #require(try policy.settle(Self.record).change)
            #expect(gone.guards.contains(.unlisted(key: "beats", member: "w1")))
        }
    }

    @Test("a heartbeat that can't be read is the record's error, never death", arguments: ["now", "12", "1790000000"])
    func unreadable(beat: String) throws {
        for policy in try policies(inField()) {
            let world = World(hashes: ["beats": ["w1": beat]])
            let error = try #require(throws: RecordError.self) { try policy.settle(Self.record, in: world) }
            #expect(error.message.hasPrefix("w1 in beats is “\(beat)”"))
        }
        for policy in try policies(member(within: .seconds(60))) {
            let world = World(standings: ["beats": ["w1": .zset(score: beat)]])
            #expect(throws: RecordError.self) { try policy.settle(Self.record, in: world) }
        }
    }

    @Test("what is of another kind than a heartbeat is an error")
    func kinds() throws {
        for policy in try policies(member(within: .seconds(60))) {
            for standing in [Standing.set, .list(behind: nil), .hash(value: "1690000000")] {
                let world = World(standings: ["beats": ["w1": standing]])
                #expect(throws: RecordError.self) { try policy.settle(Self.record, in: world) }
            }
        }
        for policy in try policies(Self.asText, key: "beat:<worker>") {
            #expect(throws: RecordError.self) { try policy.settle(Self.record, in: World(keys: ["beat:w1"])) }
        }
    }

    @Test(
        "without a time to stand there is enough",
        arguments: [Standing.set, .list(behind: nil), .hash(value: "x"), .zset(score: "3")])
    func standing(standing: Standing) throws {
        for policy in try policies(member(within: nil)) {
            let world = World(standings: ["beats": ["w1": standing]])
            #expect(try policy.settle(Self.record, in: world).leave?.because.hasPrefix("w1 is in beats") == true)
            let gone = try #require(try policy.settle(Self.record).change)
            #expect(gone.guards.contains(.unlisted(key: "beats", member: "w1")))
        }
    }

    @Test("a record that names no worker has none, and that is guarded")
    func nobody() throws {
        let record = Self.record.merging(["worker": ""]) { $1 }
        for sign in [try inField(), try member(within: nil), try member(within: .seconds(60))] {
            for policy in try policies(sign) {
                let change = try #require(try policy.settle(record).change)
                #expect(change.guards.contains(.field("worker", equals: "")))
            }
        }
    }
}

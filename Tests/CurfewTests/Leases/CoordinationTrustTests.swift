import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("LeaseTrust", .tags(.ownServer))
struct CoordinationTrustTests {
    static let start = ContinuousClock.now

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant {
        Self.start.advanced(by: .milliseconds(milliseconds))
    }

    @Test(
        "trust ends a margin before the lease, counted from the start of the attempt",
        arguments: [(15_000, 14_000), (60_000, 59_000), (5_000, 4_500), (300, 270)])
    func margin(length: Int, end: Int) {
        let trust = LeaseTrust(length: .milliseconds(length), claimAttempt: Self.start)
        #expect(trust.end == at(end))
        #expect(trust.isTrusted(at: at(0)))
        #expect(trust.isTrusted(at: at(end - 1)))
        #expect(!trust.isTrusted(at: at(end)))
        #expect(!trust.isTrusted(at: at(length)))
        #expect(LeaseTrust.interval(of: .milliseconds(length)) * 3 <= .milliseconds(length))
    }

    @Test("a renewal counts from when it was begun, not from when it was answered")
    func countsFromAttempt() {
        var trust = LeaseTrust(length: .seconds(15), claimAttempt: Self.start)
        trust.renewed(attempt: at(5_000), answer: at(13_999))
        #expect(trust.end == at(19_000))
        trust.renewed(attempt: at(10_000), answer: at(10_001))
        #expect(trust.end == at(24_000))
    }

    @Test("a renewal that is answered after trust has ended comes too late, and nothing brings trust back")
    func lateGrant() {
        var trust = LeaseTrust(length: .seconds(15), claimAttempt: Self.start)
        trust.renewed(attempt: at(5_000), answer: at(14_000))
        #expect(trust.state == .lost)
        #expect(trust.end == nil)
        #expect(!trust.isTrusted(at: at(1)))
        trust.renewed(attempt: at(13_000), answer: at(13_001))
        #expect(trust.state == .lost)
    }

    @Test("a refused renewal ends trust at once")
    func refused() {
        var trust = LeaseTrust(length: .seconds(15), claimAttempt: Self.start)
        trust.lose()
        #expect(!trust.isTrusted(at: at(0)))
        trust.renewed(attempt: at(1), answer: at(2))
        #expect(trust.state == .lost)
    }
}

@Suite("RunControl", .tags(.ownServer))
struct CoordinationControlTests {
    private func trust(claimed ago: Duration = .zero) -> LeaseTrust {
        LeaseTrust(length: .seconds(15), claimAttempt: .now - ago)
    }

    @Test("a run that nothing is in the way of goes on")
    func goesOn() throws {
        try RunControl(trust: trust(), timeout: .seconds(300)).checkpoint()
        try RunControl(trust: nil, timeout: .seconds(300)).checkpoint()
    }

    @Test("a run stops when its time is used up")
    func timesOut() {
        let control = RunControl(trust: trust(), timeout: .zero)
        #expect(throws: RunControl.Stop.timedOut) { try control.checkpoint() }
    }

    @Test("a run stops when its lease can't be trusted any more, even if its time is used up as well")
    func distrusts() {
        let control = RunControl(trust: trust(claimed: .seconds(14)), timeout: .zero)
        #expect(throws: RunControl.Stop.lost) { try control.checkpoint() }
    }

    @Test("the first reason to stop stays, but for a lost lease, which is stronger than any")
    func firstReason() {
        let control = RunControl(trust: trust(), timeout: .zero)
        control.stop(.cancelled(by: "ann"))
        control.stop(.handedOver)
        #expect(control.stopReason() == .cancelled(by: "ann"))
        control.stop(.lost)
        #expect(control.stopReason() == .lost)
        control.stop(.cancelled(by: "bob"))
        #expect(control.stopReason() == .lost)
    }

    @Test("a renewal in time extends trust, a late one loses the lease")
    func renewals() {
        let control = RunControl(trust: trust(claimed: .seconds(10)), timeout: .seconds(300))
        let attempt = ContinuousClock.now
        control.renewed(attempt: attempt)
        #expect(control.trustEnd == attempt.advanced(by: .seconds(14)))
        let late = RunControl(trust: trust(claimed: .seconds(20)), timeout: .seconds(300))
        late.renewed(attempt: .now)
        #expect(late.trustEnd == nil)
        #expect(late.stopReason() == .lost)
    }

    @Test("progress is kept for the renewal, and ends the silence")
    func progress() {
        let control = RunControl(trust: trust(), timeout: .seconds(300))
        let before = control.idle
        control.advance {
            $0.found = 7
            $0.step = "sweep"
        }
        #expect(control.progress == RunControl.Progress(found: 7, step: "sweep"))
        #expect(before >= .zero)
        #expect(control.idle < .seconds(60))
    }
}

@Suite("Keys and clock", .tags(.ownServer))
struct CoordinationKeysTests {
    @Test(
        "a removed record waits in the slot that it was in",
        arguments: [
            ("lock:a", "curfew:trash:r-1:{lock:a}"), ("lock:{a}:x", "curfew:trash:r-1:lock:{a}:x"),
            ("lock:{}:x", nil), ("lock:}{a", nil), ("{a", "curfew:trash:r-1:{{a}"), ("a}{b}", "curfew:trash:r-1:a}{b}"),
        ] as [(String, String?)])
    func trash(key: String, expected: String?) {
        let trash = Keys.trash(of: key, run: "r-1")
        #expect(RedisSlot.of(trash) == RedisSlot.of(key))
        if let expected { #expect(trash == expected) }
    }

    @Test("Redis puts a record and its trash into one slot", .enabled(if: RedisServer.hasFunctions))
    func sameSlot() async throws {
        let cluster = ["--cluster-enabled", "yes", "--cluster-port", String(try freePort())]
        try await withServerAndClient(.unixSocket, arguments: cluster) { _, redis in
            for key in ["lock:a", "lock:{a}:x", "a}{b}", "lock:{user}{b}", "{a", "{a}"] {
                let slots = try await redis.pipeline(
                    [key, Keys.trash(of: key, run: "r-1")].map { RedisCommand("CLUSTER", ["KEYSLOT", $0]) })
                #expect(slots[0].integer != nil)
                #expect(slots[0] == slots[1], "\(key)")
            }
        }
    }

    @Test("every key of Curfew's own begins with the prefix in braces")
    func prefix() {
        let keys = Keys(prefix: "night")
        let all = [
            keys.schedule, keys.fence, keys.instances, keys.paused, keys.runs, keys.metrics, keys.alerts, keys.events,
            keys.wake, keys.instance("i"), keys.lease("c"), keys.index("c"), keys.seen("c"), keys.scan("c"),
            keys.alert("a"),
        ]
        #expect(all.allSatisfy { $0.hasPrefix("{night}:") })
        #expect(Set(all).count == all.count)
    }

    @Test("the server's time goes on with the clock of this machine")
    func clock() {
        let reading = Timestamp(milliseconds: 1_763_700_000_000)
        let clock = ServerClock(reading, at: .now - .seconds(90))
        #expect(clock.now - reading >= .seconds(90))
        #expect(clock.now - reading < .seconds(150))
    }
}

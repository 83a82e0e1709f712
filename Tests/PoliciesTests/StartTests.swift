import TestNeeds
import TestSupport
import Testing

@testable import Policies

/// What a record's age counts from where that is no list of fields: the latest of several, or a start and delays.
@Suite("What an age counts from", .tags(.pure))
struct StartTests {
    private func values(_ times: [String: String]) -> [String: String] {
        times.merging(["status": "open", "total": "1"]) { $1 }
    }

    @Test("the later of two times counts, whichever field it is in, and both are guarded")
    func latest() throws {
        for policy in try PolicyFixtures.all(Start(["made", "seen"], .latest)) {
            for (made, seen) in [(900, 60), (60, 900)] {
                let young = values(["made": ago(.seconds(made)), "seen": ago(.seconds(seen))])
                #expect(try policy.settle(young).leave?.until == now + .seconds(240), "\(type(of: policy).kind)")
            }
            let old = values(["made": ago(.seconds(900)), "seen": ago(.seconds(600))])
            let change = try #require(try policy.settle(old).change, "\(type(of: policy).kind)")
            #expect(change.age == .seconds(600))
            #expect(change.guards.contains(.field("made", equals: ago(.seconds(900)))))
            #expect(change.guards.contains(.field("seen", equals: ago(.seconds(600)))))
        }
    }

    @Test("one time alone is the latest, and the field without one is guarded", arguments: [nil, "", "0", "null"])
    func alone(seen: String?) throws {
        for policy in try PolicyFixtures.all(Start(["made", "seen"], .latest)) {
            var values = values(["made": ago(.seconds(600))])
            values["seen"] = seen
            let change = try #require(try policy.settle(values).change, "\(type(of: policy).kind)")
            #expect(change.age == .seconds(600) && change.guards.contains(.field("seen", equals: seen)))
        }
    }

    @Test("a time that can't be read is an error though the other would do")
    func unreadable() throws {
        for policy in try PolicyFixtures.all(Start(["made", "seen"], .latest)) {
            let values = values(["made": "soon", "seen": ago(.seconds(600))])
            #expect(throws: RecordError.self, "\(type(of: policy).kind)") { try policy.settle(values) }
        }
    }

    @Test(
        "a delay is added to the start, in its unit",
        arguments: [
            (SpanUnit.milliseconds, "120000"), (.seconds, "120"), (.seconds, "120.0"), (.minutes, "2"),
            (.hours, "0.03333334"),
            (.microseconds, "120000000"), (.nanoseconds, "120000000000"),
        ])
    func sum(unit: SpanUnit, delay: String) throws {
        for policy in try PolicyFixtures.all(Start(["made", "delay"], .sum(unit: unit))) {
            let values = values(["made": ago(.seconds(360)), "delay": delay])
            #expect(try policy.settle(values).leave?.until == now + .seconds(60), "\(type(of: policy).kind)")
            let change = try #require(try policy.settle(values, at: now + .seconds(60)).change)
            #expect(change.age == .seconds(300))
            #expect(change.guards.contains(.field("delay", equals: delay)))
            #expect(change.guards.contains(.field("made", equals: ago(.seconds(360)))))
        }
    }

    @Test("no delay is none, and is guarded", arguments: [nil, "", "0", "null"])
    func undelayed(delay: String?) throws {
        for policy in try PolicyFixtures.all(Start(["made", "delay"], .sum(unit: .milliseconds))) {
            var values = values(["made": ago(.seconds(600))])
            values["delay"] = delay
            let change = try #require(try policy.settle(values).change, "\(type(of: policy).kind)")
            #expect(change.age == .seconds(600) && change.guards.contains(.field("delay", equals: delay)))
        }
    }

    @Test(
        "a delay that is none is the record's error",
        arguments: ["-1", "soon", "1e3", " 5", "5s", "1.", ".5", "99999999999999999999", "9223372036854775807"])
    func absurd(delay: String) throws {
        for policy in try PolicyFixtures.all(Start(["made", "delay"], .sum(unit: .seconds))) {
            let error = try #require(throws: RecordError.self, "\(type(of: policy).kind)") {
                try policy.settle(values(["made": ago(.seconds(600)), "delay": delay]))
            }
            #expect(error.message.hasPrefix("delay is “\(delay)”: expected a number of seconds"))
        }
    }

    @Test("what is delayed by more than a day is waited for, and says what was added")
    func future() throws {
        let policy = StuckPolicy(
            states: ["open"], since: Start(["made", "delay"], .sum(unit: .seconds)), timeout: .seconds(300),
            to: "failed")
        let values = values(["made": ago(.seconds(600)), "delay": "864000"])
        #expect(try policy.settle(values).leave?.until == now + .seconds(864_000 - 300))
        let change = try #require(try policy.settle(values, at: now + .seconds(864_000)).change)
        #expect(change.reason.contains("made + delay was"))
        #expect(policy.signs == ["made"])
    }
}

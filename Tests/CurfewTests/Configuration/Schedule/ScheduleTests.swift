import Foundation
import Policies
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("Schedules", .tags(.pure))
struct ScheduleTests {
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

    @Test("every begins at once, cron with its next occurrence")
    func first() throws {
        let now = try time("2024-05-01T04:00:00Z")
        #expect(Schedule.every(.seconds(900)).first(from: now) == now)
        let daily = Schedule.cron(try CronExpression("0 4 * * *"), timezone: .utc)
        #expect(daily.first(from: now) == (try time("2024-05-02T04:00:00Z")))
    }

    @Test(
        "every counts from the schedule, not from the end of the run",
        arguments: [
            (1000, 1000, 1060), (1000, 1059, 1060), (1000, 1060, 1120), (1000, 1061, 1120), (1000, 9999, 10_000),
            (1000, 500, 1060), (1000, 999, 1060),
        ] as [(Int64, Int64, Int64)])
    func every(due: Int64, now: Int64, expected: Int64) {
        #expect(Schedule.every(.milliseconds(60)).next(after: at(due), now: at(now)) == at(expected))
    }

    @Test("the next time of every agrees with counting up")
    func everyOracle() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(seed)
        for _ in 0..<2000 {
            let interval = Int64.random(in: 1...500, using: &random)
            let due = Int64.random(in: -1000...1000, using: &random)
            let now = Int64.random(in: -1000...5000, using: &random)
            var expected = due + interval
            while expected <= now { expected += interval }
            let next = Schedule.every(.milliseconds(interval)).next(after: at(due), now: at(now))
            #expect(next == at(expected), "every \(interval) after \(due) at \(now), seed \(seed)")
        }
    }

    @Test("times at the ends of the range don't overflow")
    func extremes() {
        let schedule = Schedule.every(.seconds(1))
        #expect(schedule.next(after: at(.max - 10), now: at(.max - 5)) == at(.max))
        #expect(schedule.next(after: at(.min), now: at(.max)) == at(.max))
        #expect(schedule.next(after: at(.max), now: at(.min)) == at(.max))
        #expect(schedule.next(after: at(0), now: at(.min)) == at(1000))
        #expect(Schedule.every(.zero).next(after: at(5), now: at(9)) == at(10))
    }

    @Test("late occurrences of cron coalesce into the next one")
    func cronCoalesces() throws {
        let daily = Schedule.cron(try CronExpression("0 4 * * *"), timezone: .utc)
        let due = try time("2024-05-01T04:00:00Z")
        #expect(daily.next(after: due, now: due) == (try time("2024-05-02T04:00:00Z")))
        #expect(daily.next(after: due, now: try time("2024-05-09T12:00:00Z")) == (try time("2024-05-10T04:00:00Z")))
        #expect(daily.next(after: due, now: try time("2024-04-01T00:00:00Z")) == (try time("2024-05-02T04:00:00Z")))
    }

    @Test("schedules tell themselves in words")
    func descriptions() throws {
        let berlin = try #require(Zone("Europe/Berlin"))
        let utc = try #require(Zone("UTC"))
        #expect(Schedule.every(.seconds(900)).description == "every 15m")
        #expect(Schedule.cron(try CronExpression("@daily"), timezone: berlin).description == "@daily (Europe/Berlin)")
        #expect(Schedule.cron(try CronExpression("@daily"), timezone: utc).description == "@daily (UTC)")
    }

    private static let daily = "0 4 * * *"

    @Test(
        "a run is late by the newest occurrence that has passed, as far as the bound asks",
        arguments: [
            ("2024-05-03T04:00:00Z", "2024-05-06T05:00:00Z", 7_200, 3_600),
            ("2024-05-03T04:00:00Z", "2024-05-06T06:00:01Z", 7_200, 266_401),
            ("2024-05-06T04:00:00Z", "2024-05-06T05:00:00Z", 7_200, 3_600),
            ("2024-05-03T04:00:00Z", "2024-05-06T03:00:00Z", 90_000, 82_800),
        ] as [(String, String, Int, Int)])
    func lateness(due: String, now: String, bound: Int, expected: Int) throws {
        let schedule = Schedule.cron(try CronExpression(Self.daily), timezone: .utc)
        let late = schedule.lateness(due: try time(due), now: try time(now), upTo: .seconds(bound))
        #expect(late == .seconds(expected))
    }

    @Test("of every, the newest occurrence is the last on its beat")
    func latenessOfEvery() {
        let schedule = Schedule.every(.milliseconds(100))
        #expect(schedule.lateness(due: at(1_000), now: at(1_990), upTo: .milliseconds(50)) == .milliseconds(90))
        #expect(schedule.lateness(due: at(1_000), now: at(1_040), upTo: .milliseconds(50)) == .milliseconds(40))
        #expect(schedule.lateness(due: at(1_000), now: at(900), upTo: .zero) == .zero)
    }

    @Test("what was missed is counted from the first time on, with the last")
    func missed() throws {
        let schedule = Schedule.cron(try CronExpression(Self.daily), timezone: .utc)
        let first = try time("2024-05-04T04:00:00Z")
        let found = schedule.missed(since: first, now: try time("2024-05-06T12:00:00Z"))
        let last = try time("2024-05-06T04:00:00Z")
        #expect(found?.count == 3 && found?.last == last)
        #expect(schedule.missed(since: first, now: first)?.count == 1)
        #expect(schedule.missed(since: first, now: first - .seconds(1)) == nil)
        let often = Schedule.every(.milliseconds(1)).missed(since: at(0), now: at(1_000_000))
        #expect(often?.count == Schedule.mostMissed && often?.last == at(1_000_000))
    }

    @Test("a definition that has an occurrence since what was due keeps it due, another doesn't")
    func rescheduled() throws {
        let daily = Schedule.cron(try CronExpression(Self.daily), timezone: .utc)
        let weekdays = Schedule.cron(try CronExpression("0 4 * * 1-5"), timezone: .utc)
        let saturday = try time("2024-05-04T04:00:00Z")
        let monday = try time("2024-05-06T04:00:00Z")
        #expect(weekdays.rescheduled(after: daily, due: saturday, now: saturday - .seconds(3_600)) == monday)
        #expect(weekdays.rescheduled(after: daily, due: saturday, now: saturday + .seconds(1)) == monday)
        #expect(weekdays.rescheduled(after: daily, due: saturday, now: monday + .seconds(1)) == monday)
        #expect(daily.rescheduled(after: weekdays, due: monday, now: saturday - .seconds(1)) == saturday)
    }
}

import Foundation
import Policies
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("Cron and the changes of the clocks", .tags(.pure))
struct CronDaylightTests {
    /// The occurrences from a time on, up to another.
    private func occurrences(_ text: String, _ zone: String, _ start: String, _ end: String) throws -> [Timestamp] {
        let expression = try CronExpression(text)
        let timezone = try #require(TimeZone(identifier: zone))
        let end = try time(end)
        var found: [Timestamp] = []
        var next = try expression.occurrence(after: time(start) - .milliseconds(1), in: Zone(builtIn: timezone))
        while next <= end {
            found.append(next)
            next = expression.occurrence(after: next, in: Zone(builtIn: timezone))
        }
        return found
    }

    @Test(
        "a time that is skipped runs at the first instant after the gap",
        arguments: [
            // 02:00 to 03:00 doesn't exist in Berlin on 31 March 2024: 01:00Z is 03:00 there.
            ("30 2 * * *", "Europe/Berlin", "2024-03-31", ["2024-03-31T01:00:00Z"]),
            ("0 2 * * *", "Europe/Berlin", "2024-03-31", ["2024-03-31T01:00:00Z"]),
            ("0 3 * * *", "Europe/Berlin", "2024-03-31", ["2024-03-31T01:00:00Z"]),
            ("*/20 2 * * *", "Europe/Berlin", "2024-03-31", ["2024-03-31T01:00:00Z"]),
            ("30 2,3 * * *", "Europe/Berlin", "2024-03-31", ["2024-03-31T01:00:00Z", "2024-03-31T01:30:00Z"]),
            ("30 2 * * *", "America/New_York", "2024-03-10", ["2024-03-10T07:00:00Z"]),
            // Lord Howe skips half an hour: 02:00 to 02:30 on 6 October 2024, which is 15:30Z the day before.
            ("15 2 * * *", "Australia/Lord_Howe", "2024-10-05", ["2024-10-05T15:30:00Z"]),
            ("30 2 * * *", "Australia/Lord_Howe", "2024-10-05", ["2024-10-05T15:30:00Z"]),
            // Samoa skipped the whole of 30 December 2011: its next midnight was 10:00Z of the 30th.
            ("0 4 30 12 *", "Pacific/Apia", "2011-12-30", ["2011-12-30T10:00:00Z"]),
        ])
    func gap(text: String, zone: String, day: String, expected: [String]) throws {
        let found = try occurrences(text, zone, "\(day)T00:00:00Z", "\(day)T23:59:59Z")
        #expect(found == (try expected.map(time)))
    }

    @Test(
        "a time that comes twice runs once, the first time",
        arguments: [
            // 02:00 to 03:00 comes twice in Berlin on 27 October 2024: 00:00Z and 01:00Z.
            ("30 2 * * *", "Europe/Berlin", "2024-10-27", ["2024-10-27T00:30:00Z"]),
            ("0 2 * * *", "Europe/Berlin", "2024-10-27", ["2024-10-27T00:00:00Z"]),
            ("30 1 * * *", "America/New_York", "2024-11-03", ["2024-11-03T05:30:00Z"]),
            (
                "0,30 1,2 * * *", "America/New_York", "2024-11-03",
                ["2024-11-03T05:00:00Z", "2024-11-03T05:30:00Z", "2024-11-03T07:00:00Z", "2024-11-03T07:30:00Z"]
            ),
            ("45 1 * * *", "Australia/Lord_Howe", "2024-04-06", ["2024-04-06T14:45:00Z"]),
        ])
    func repeated(text: String, zone: String, day: String, expected: [String]) throws {
        let found = try occurrences(text, zone, "\(day)T00:00:00Z", "\(day)T23:59:59Z")
        #expect(found == (try expected.map(time)))
    }

    @Test(
        "what runs every hour goes on every real hour",
        arguments: [
            ("30 * * * *", "Europe/Berlin", "2024-03-30T22:59:59Z", 24),
            ("30 * * * *", "Europe/Berlin", "2024-10-26T22:59:59Z", 24),
            ("*/5 * * * *", "America/New_York", "2024-11-03T00:04:59Z", 24 * 12),
            ("*/5 0-23 * * *", "America/New_York", "2024-03-10T00:04:59Z", 24 * 12),
            ("0,30 * * * *", "Australia/Lord_Howe", "2024-04-06T00:29:59Z", 48),
        ])
    func frequent(text: String, zone: String, start: String, count: Int) throws {
        let first = try time(start)
        let expression = try CronExpression(text)
        let timezone = try #require(TimeZone(identifier: zone))
        var steps: Set<Int64> = []
        var previous = expression.occurrence(after: first, in: Zone(builtIn: timezone))
        for _ in 1..<count {
            let next = expression.occurrence(after: previous, in: Zone(builtIn: timezone))
            steps.insert((next - previous).milliseconds)
            previous = next
        }
        #expect(steps == [86_400_000 / Int64(count)])
    }

    @Test("every minute of an hour that comes twice runs in both, where the minute begins with *")
    func everyMinuteOfRepeatedHour() throws {
        let (start, end) = ("2024-10-27T00:00:00Z", "2024-10-27T23:59:59Z")
        #expect(try occurrences("*/10 2 * * *", "Europe/Berlin", start, end).count == 12)
        #expect(try occurrences("0-50/10 2 * * *", "Europe/Berlin", start, end).count == 6)
    }

    @Test(
        "expressions agree with a minute-by-minute reading of the wall clock",
        arguments: [
            "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca",
        ])
    func oracle(zone: String) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(seed)
        let timezone = try #require(TimeZone(identifier: zone))
        for _ in 0..<25 {
            let text = randomExpression(&random)
            let start = Int.random(in: 1_600_000_000...1_800_000_000, using: &random)
            guard let expression = try? CronExpression(text) else { continue }
            let found = expression.occurrence(
                after: Timestamp(milliseconds: Int64(start) * 1000), in: Zone(builtIn: timezone))
            let expected = WallClock(timezone: timezone).firstMatch(of: expression, after: start, days: 20)
            if let expected {
                #expect(
                    found == Timestamp(milliseconds: Int64(expected) * 1000),
                    "\(text) after \(start) in \(zone), seed \(seed)")
            } else {
                #expect(found.milliseconds > Int64(start + 19 * 86_400) * 1000, "\(text) after \(start), seed \(seed)")
            }
        }
    }

    private func randomExpression(_ random: inout Seeded) -> String {
        let minute = ["*", "*/7", "0", "30", "15,45", "10-20/5"].randomElement(using: &random) ?? "*"
        let hour = ["*", "*/3", "2", "1-3", "0", "2,14", "0-23"].randomElement(using: &random) ?? "*"
        let day = ["*", "*", "1-15", "*/2", "31", "26,27,28"].randomElement(using: &random) ?? "*"
        let month = ["*", "*", "*", "3,10", "4,11"].randomElement(using: &random) ?? "*"
        let weekday = ["*", "*", "SUN", "1-5", "*/2"].randomElement(using: &random) ?? "*"
        return "\(minute) \(hour) \(day) \(month) \(weekday)"
    }
}

/// The oracle: it looks at the wall clock at each minute, as a person would, and shares no code with what it judges but
/// the sets of numbers.
private struct WallClock {
    let timezone: TimeZone

    func firstMatch(of expression: CronExpression, after start: Int, days: Int) -> Int? {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = timezone
        let isHourly = (0...23).allSatisfy(expression.hours.contains)
        let goesOn = isHourly || expression.minutes.isStarred
        // Begins early enough to have seen the first of two equal readings.
        var seen: Set<Int> = []
        let first = start - start % 60 - 7200
        var last = reading(at: first)
        for second in stride(from: first + 60, through: first + days * 86_400, by: 60) {
            let current = reading(at: second)
            var isDue = false
            if current > last + 60, !isHourly {
                for skipped in stride(from: last + 60, to: current, by: 60) where matches(expression, skipped) {
                    isDue = true
                }
            }
            let isRepeated = !seen.insert(current).inserted
            if matches(expression, current), goesOn || !isRepeated { isDue = true }
            if isDue, second > start { return second }
            last = current
        }
        return nil
    }

    /// What the wall clock shows, as if it were UTC.
    private func reading(at second: Int) -> Int {
        second + timezone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
    }

    private func matches(_ expression: CronExpression, _ reading: Int) -> Bool {
        let parts = WallClock.utc.dateComponents(
            [.month, .day, .weekday, .hour, .minute], from: Date(timeIntervalSince1970: Double(reading)))
        guard let month = parts.month, let day = parts.day, let weekday = parts.weekday, let hour = parts.hour,
            let minute = parts.minute, expression.minutes.contains(minute), expression.hours.contains(hour),
            expression.months.contains(month)
        else { return false }
        let isDay = expression.daysOfMonth.contains(day)
        let isWeekday = expression.daysOfWeek.contains(weekday - 1)
        let isStarred = expression.daysOfMonth.isStarred || expression.daysOfWeek.isStarred
        return isStarred ? isDay && isWeekday : isDay || isWeekday
    }

    private static let utc: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()
}

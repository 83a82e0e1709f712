import Foundation
import Policies
import TestNeeds
import Testing

@testable import Curfew

@Suite("Cron expressions", .tags(.pure))
struct CronExpressionTests {
    @Test(
        "the next occurrence in UTC",
        arguments: [
            ("* * * * *", "2024-05-01T10:00:00Z", "2024-05-01T10:01:00Z"),
            ("*/5 * * * *", "2024-05-01T10:04:59Z", "2024-05-01T10:05:00Z"),
            ("*/5 * * * *", "2024-05-01T10:05:00Z", "2024-05-01T10:10:00Z"),
            ("0 4 * * *", "2024-05-01T04:00:00Z", "2024-05-02T04:00:00Z"),
            ("30 3 * * *", "2024-12-31T03:30:00Z", "2025-01-01T03:30:00Z"),
            ("0 0 29 2 *", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
            ("0 0 29 2 */7", "2024-03-01T00:00:00Z", "2032-02-29T00:00:00Z"),
            ("0 0 31 * *", "2024-05-31T00:00:00Z", "2024-07-31T00:00:00Z"),
            ("15,45 8-10/2 * * *", "2024-05-01T08:45:00Z", "2024-05-01T10:15:00Z"),
            ("0 0 * JAN mon", "2024-05-01T00:00:00Z", "2025-01-06T00:00:00Z"),
            ("0 0 * * 7", "2024-05-01T00:00:00Z", "2024-05-05T00:00:00Z"),
            ("0 0 * * 5-7", "2024-05-04T00:00:00Z", "2024-05-05T00:00:00Z"),
            ("0 0 13 * FRI", "2024-09-01T00:00:00Z", "2024-09-06T00:00:00Z"),
            ("0 0 13 * FRI", "2024-10-12T00:00:00Z", "2024-10-13T00:00:00Z"),
            ("0 0 */13 * FRI", "2024-09-01T00:00:00Z", "2024-09-27T00:00:00Z"),
            ("@hourly", "2024-05-01T10:00:00Z", "2024-05-01T11:00:00Z"),
            ("@daily", "2024-05-01T10:00:00Z", "2024-05-02T00:00:00Z"),
            ("@weekly", "2024-05-01T10:00:00Z", "2024-05-05T00:00:00Z"),
            ("@MONTHLY", "2024-05-01T10:00:00Z", "2024-06-01T00:00:00Z"),
            ("@yearly", "2024-05-01T10:00:00Z", "2025-01-01T00:00:00Z"),
            ("* * * * *", "1969-12-31T23:58:30Z", "1969-12-31T23:59:00Z"),
        ])
    func occurrence(text: String, after: String, expected: String) throws {
        let next = try CronExpression(text).occurrence(after: time(after), in: .utc)
        #expect(next == (try time(expected)))
    }

    @Test(
        "what can't be read says why",
        arguments: [
            ("", "“” has 0 fields, expected 5: minute, hour, day of month, month, day of week"),
            ("60 * * * *", "minute “60”: 60 is out of range (0 to 59)"),
            ("* * 0 * *", "day of month “0”: 0 is out of range (1 to 31)"),
            ("* * * 13 *", "month “13”: 13 is out of range (1 to 12)"),
            ("* * * * 8", "day of week “8”: 8 is out of range (0 to 7)"),
            ("5-1 * * * *", "minute “5-1”: the range runs backwards"),
            ("*/0 * * * *", "minute “*/0”: a step is a whole number from 1"),
            ("*/x * * * *", "minute “*/x”: a step is a whole number from 1"),
            ("5/10 * * * *", "minute “5/10”: a step needs a range, like 0-30/10 or */10"),
            ("1,,2 * * * *", "minute “1,,2” is unreadable, expected *, a number, a range, a step or a list"),
            ("-1 * * * *", "minute “-1” is unreadable, expected *, a number, a range, a step or a list"),
            ("+1 * * * *", "minute “+1” is unreadable, expected *, a number, a range, a step or a list"),
            (
                "* * * foo *",
                "month “foo” is unreadable, expected *, a number, a range, a step or a list, or a name like FEB"
            ),
            (
                "99999999999999999999 * * * *",
                "minute “99999999999999999999” is unreadable, expected *, a number, a range, a step or a list"
            ),
            (
                "@often",
                "“@often” is unknown, expected five fields or one of @hourly, @daily, @weekly, @monthly, @yearly"
            ),
            ("0 0 31 4,6 *", "“0 0 31 4,6 *” never matches: the month has no such day"),
            ("0 0 30 2 */2", "“0 0 30 2 */2” never matches: the month has no such day"),
        ])
    func unreadable(text: String, message: String) {
        #expect(throws: CronError(message: message)) { try CronExpression(text) }
    }

    @Test("31 April is fine where a day of the week can stand in")
    func eitherDay() throws {
        let next = try CronExpression("0 0 31 4 MON").occurrence(after: time("2024-01-01T00:00:00Z"), in: .utc)
        #expect(next == (try time("2024-04-01T00:00:00Z")))
    }

    @Test("expressions that mean the same are equal")
    func equality() throws {
        #expect(try CronExpression("0 0 * * sun") == CronExpression("@weekly"))
        #expect(try CronExpression("0 0 * * 0") == CronExpression("00 00 * * 7"))
        #expect(try CronExpression("0 0 * * 0") != CronExpression("0 0 * * 1"))
    }

    @Test("a time that no server tells has no occurrence", arguments: [Int64.max, .min, 253_402_300_800_000])
    func outOfRange(milliseconds: Int64) throws {
        let next = try CronExpression("* * * * *").occurrence(after: Timestamp(milliseconds: milliseconds), in: .utc)
        #expect(next == Timestamp(milliseconds: .max))
    }

    @Test("days of the calendar agree with Foundation's")
    func civilDays() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        for number in stride(from: -20_000, to: 60_000, by: 1) {
            let parts = calendar.dateComponents(
                [.month, .day, .weekday], from: Date(timeIntervalSince1970: Double(number) * 86_400))
            let day = CivilDate(daysSinceEpoch: number)
            #expect(day.daysSinceEpoch == number)
            #expect(day.month == parts.month && day.day == parts.day && day.weekday + 1 == parts.weekday)
        }
    }
}

/// A time in ISO 8601.
func time(_ text: String) throws -> Timestamp {
    try #require(RecordTime(text: text) ?? date(text)).timestamp
}

/// Times before 1970, which records may not have.
private func date(_ text: String) -> RecordTime? {
    guard let date = try? Date(text, strategy: .iso8601) else { return nil }
    return RecordTime(timestamp: Timestamp(milliseconds: Int64(date.timeIntervalSince1970 * 1000)), form: .milliseconds)
}

internal import Policies

/// A cron expression: a set of minutes on the wall clock.
///
/// Five fields (minute, hour, day of month, month, day of week) as in `crontab(5)` of Vixie cron: numbers, ranges
/// `1-5`, steps `*/5` and `10-50/20`, lists `1,15,30`, names `JAN` and `MON` in any case, 7 for Sunday; or one of
/// `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. If neither the day of month nor the day of week begins with
/// `*`, a day matches if **either** of them matches; otherwise both must match.
///
/// An expression that matches no day (`0 0 31 2 *`) is refused when it is read.
package struct CronExpression: Sendable {
    /// The expression as written.
    package let text: String
    let minutes: CronField
    let hours: CronField
    let daysOfMonth: CronField
    let months: CronField
    let daysOfWeek: CronField

    /// Parses an expression.
    ///
    /// - Throws: `CronError` with the field and what was expected.
    package init(_ text: String) throws(CronError) {
        let fields = try Self.fields(of: text)
        self.text = text
        minutes = try CronField(fields[0], .minute)
        hours = try CronField(fields[1], .hour)
        daysOfMonth = try CronField(fields[2], .dayOfMonth)
        months = try CronField(fields[3], .month)
        daysOfWeek = try CronField(fields[4], .dayOfWeek)
        guard happens else { throw CronError(message: "“\(text)” never matches: the month has no such day") }
    }

    private static let shorthands = [
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
    ]

    private static func fields(of text: String) throws(CronError) -> [Substring] {
        if text.hasPrefix("@") {
            guard let expression = shorthands[text.lowercased()] else {
                let known = "@hourly, @daily, @weekly, @monthly, @yearly"
                throw CronError(message: "“\(text)” is unknown, expected five fields or one of \(known)")
            }
            return expression.split(separator: " ")
        }
        let fields = text.split { $0 == " " || $0 == "\t" }
        guard fields.count == 5 else {
            let expected = "minute, hour, day of month, month, day of week"
            throw CronError(message: "“\(text)” has \(fields.count) fields, expected 5: \(expected)")
        }
        return fields
    }

    /// Whether any day of any year matches; every date falls on every day of the week in some year.
    private var happens: Bool {
        guard matchesBothDays else { return true }
        let longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...12).contains { months.contains($0) && daysOfMonth.first <= longest[$0 - 1] }
    }

    /// Whether a day must match both the day of month and the day of week.
    private var matchesBothDays: Bool { daysOfMonth.isStarred || daysOfWeek.isStarred }

    /// Whether the expression matches this day.
    func matches(_ day: CivilDate) -> Bool {
        guard months.contains(day.month) else { return false }
        let isDayOfMonth = daysOfMonth.contains(day.day)
        let isDayOfWeek = daysOfWeek.contains(day.weekday)
        return matchesBothDays ? isDayOfMonth && isDayOfWeek : isDayOfMonth || isDayOfWeek
    }

    /// The matching minutes of a day, from 0 to 1,439, starting with this one.
    func minutesOfDay(from start: Int = 0) -> some Sequence<Int> {
        (max(0, start)..<max(max(0, start), 1440)).lazy.filter { hours.contains($0 / 60) && minutes.contains($0 % 60) }
    }
}

extension CronExpression: Equatable {
    /// Two expressions are equal if they match the same minutes, however they are written.
    package static func == (left: CronExpression, right: CronExpression) -> Bool {
        left.minutes == right.minutes && left.hours == right.hours && left.daysOfMonth == right.daysOfMonth
            && left.months == right.months && left.daysOfWeek == right.daysOfWeek
    }
}

/// Why a text isn't a cron expression.
package struct CronError: Error, Equatable, CustomStringConvertible {
    /// What was found and what was expected.
    package let message: String
    /// The message.
    package var description: String { message }
}

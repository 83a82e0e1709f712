package import Policies

/// When a cleanup runs.
///
/// A schedule is a pure function of time: it has no timer and no clock. Its times are those of the Redis server.
package enum Schedule: Sendable, Equatable {
    /// At a fixed interval, counted from the schedule and not from the end of the last run.
    case every(Duration)
    /// At the times of a cron expression, on the wall clock of a time zone.
    case cron(CronExpression, timezone: Zone)

    /// The first due time of a cleanup that was never scheduled.
    ///
    /// `every` starts at once, so that a new cleanup runs without waiting for its interval. `cron` waits for its next
    /// occurrence strictly after `now`.
    package func first(from now: Timestamp) -> Timestamp {
        switch self {
        case .every: now
        case .cron(let expression, let timezone): expression.occurrence(after: now, in: timezone)
        }
    }

    /// The due time after `due` that is in the future.
    ///
    /// Missed occurrences are coalesced: however late a run was, the next one is the first future occurrence of the
    /// schedule (`due` + k × interval, k ≥ 1, or an occurrence of the expression).
    package func next(after due: Timestamp, now: Timestamp) -> Timestamp {
        switch self {
        case .every(let interval):
            return Self.next(after: due.milliseconds, now: now.milliseconds, step: max(1, interval.milliseconds))
        case .cron(let expression, let timezone):
            return expression.occurrence(after: max(due, now), in: timezone)
        }
    }

    /// The first `due` + k × `step` after `now`, k ≥ 1; the maximum time if that is out of range.
    private static func next(after due: Int64, now: Int64, step: Int64) -> Timestamp {
        guard now > due else {
            return Timestamp(milliseconds: due.addingReportingOverflow(step).overflow ? .max : due + step)
        }
        let (late, isTooLate) = now.subtractingReportingOverflow(due)
        guard !isTooLate, case let (next, false) = now.addingReportingOverflow(step - late % step) else {
            return Timestamp(milliseconds: .max)
        }
        return Timestamp(milliseconds: next)
    }
}

extension Schedule: CustomStringConvertible {
    /// The schedule in words: `every 15m`, `0 4 * * * (Europe/Berlin)`.
    package var description: String {
        switch self {
        case .every(let interval): "every \(interval.text)"
        case .cron(let expression, let timezone): "\(expression.text) (\(timezone.name))"
        }
    }
}

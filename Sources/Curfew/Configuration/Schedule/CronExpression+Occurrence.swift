package import Policies

// Daylight saving
//
// The rule is the one that Vixie cron's cron(8) states for changes of less than three hours, made exact:
//
//   "those jobs that would have run in the interval that has been skipped will be run immediately. Conversely, if time
//   was adjusted backward, running the same job twice is avoided. […] Jobs that run more frequently are scheduled normally."
//
// - An expression whose hours are all 24 is frequent: it runs at every real minute whose wall clock reading matches, so
//   that `30 * * * *` runs once in every real hour of a 23- and of a 25-hour day.
// - Otherwise a reading that the clock skips runs at the first instant after the gap (several skipped ones run there once),
//   and a reading that comes twice runs the first time only, except where the minute begins with `*`: `* 2 * * *` means
//   every minute, and goes on through the repeated hour.
//
// A day is worked out from offsets alone. On a day without a change of offset nearby, instant = reading − offset. Otherwise
// every reading of the day is tried with the offset before and the one after: both fit (the clock repeats), one fits, or
// none does (the clock skips it).

extension CronExpression {
    /// The first occurrence strictly after this time, on the wall clock of a time zone.
    ///
    /// It takes microseconds, or a few milliseconds around a change of the clocks. The longest wait, for a 29 February
    /// on a given day of the week, is 40 years. Returns the maximum `Timestamp` for a time outside the years 1…9999,
    /// which no server reports.
    package func occurrence(after time: Timestamp, in timezone: Zone) -> Timestamp {
        let zone = Offsets(offset: timezone.offset)
        let second = floorDivide(Int(time.milliseconds), by: 1000)
        guard (-62_135_596_800..<253_402_300_800).contains(second) else { return Timestamp(milliseconds: .max) }
        let today = floorDivide(second + zone.offset(at: second), by: 86_400)
        for number in (today - 1)...(today + 41 * 366) {
            guard matches(CivilDate(daysSinceEpoch: number)) else { continue }
            if let found = firstSecond(of: number, after: second, zone) {
                return Timestamp(milliseconds: Int64(found) * 1000)
            }
        }
        return Timestamp(milliseconds: .max)
    }

    /// The first second of this day's occurrences after a second; nil if the day has none.
    private func firstSecond(of day: Int, after second: Int, _ zone: Offsets) -> Int? {
        let midnight = day * 86_400
        if let offset = zone.constantOffset(around: midnight) {
            let start = floorDivide(second + offset - midnight, by: 60) + 1
            return minutesOfDay(from: start).first { _ in true }.map { midnight + $0 * 60 - offset }
        }
        var earliest: Int?
        for minute in minutesOfDay() {
            for candidate in seconds(at: midnight + minute * 60, zone) where candidate > second {
                earliest = min(earliest ?? candidate, candidate)
            }
        }
        return earliest
    }

    /// The instants at which the wall clock shows this reading and the expression runs.
    private func seconds(at reading: Int, _ zone: Offsets) -> [Int] {
        let before = zone.offset(at: reading - 86_400)
        let after = zone.offset(at: reading + 86_400)
        let fitting = Set([before, after]).map { (offset: $0, second: reading - $0) }
            .filter { zone.offset(at: $0.second) == $0.offset }
            .map(\.second).sorted()
        if fitting.isEmpty {
            return isFrequent ? [] : [zone.change(between: reading - 86_400, and: reading + 86_400)]
        }
        return isFrequent || minutes.isStarred ? fitting : Array(fitting.prefix(1))
    }

    /// Whether the expression runs in every hour of the day.
    private var isFrequent: Bool { (0...23).allSatisfy(hours.contains) }
}

/// The offsets of a time zone from UTC in whole seconds.
private struct Offsets {
    let offset: @Sendable (_ second: Int) -> Int

    func offset(at second: Int) -> Int { offset(second) }

    /// The offset of a whole day including a day before and after; nil if it changes.
    func constantOffset(around midnight: Int) -> Int? {
        let offset = offset(at: midnight - 86_400)
        let probes = [midnight, midnight + 86_400, midnight + 2 * 86_400]
        return probes.allSatisfy { self.offset(at: $0) == offset } ? offset : nil
    }

    /// The first second with the later offset, if the offset changes once between two seconds.
    func change(between start: Int, and end: Int) -> Int {
        let before = offset(at: start)
        var (low, high) = (start, end)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(at: middle) == before { low = middle } else { high = middle }
        }
        return high
    }
}

private func floorDivide(_ number: Int, by divisor: Int) -> Int {
    let quotient = number / divisor
    return number % divisor < 0 ? quotient - 1 : quotient
}

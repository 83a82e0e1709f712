package import Policies

extension Schedule {
    /// The due time of a cleanup whose definition has changed.
    ///
    /// A cleanup that was due, and would have been by the new definition too, stays due. Everything else is scheduled
    /// by the new definition, sooner or later than before.
    ///
    /// - Parameters:
    /// - former: the previous definition, if it is known.
    /// - due: the due time by that definition.
    package func rescheduled(after former: Schedule?, due: Timestamp, now: Timestamp) -> Timestamp {
        switch self {
        case .every(let interval):
            guard due > now else { return due }
            guard case .every(let earlier)? = former else { return now + interval }
            return min(max(due - earlier + interval, now), now + interval)
        case .cron:
            guard due <= now else { return next(after: now, now: now) }
            let before = due - .milliseconds(1)
            let first = next(after: before, now: before)
            return first <= now ? first : next(after: now, now: now)
        }
    }

    /// The latest possible due time of a cleanup that isn't running.
    ///
    /// Later times come from a clock that was ahead.
    package func latest(from now: Timestamp) -> Timestamp {
        switch self {
        case .every(let interval): now + interval
        case .cron: next(after: now, now: now)
        }
    }

    /// The lateness of a run that was due at a time, counted from the newest occurrence that has passed, up to a bound.
    ///
    /// If nothing ran for days, earlier occurrences are missed, and only the newest one is late.
    package func lateness(due: Timestamp, now: Timestamp, upTo bound: Duration) -> Duration {
        let late = max(.zero, now - due)
        guard late > bound else { return late }
        switch self {
        case .every(let interval):
            return .milliseconds(late.milliseconds % max(1, interval.milliseconds))
        case .cron:
            var newest = next(after: now - bound - .milliseconds(1), now: due)
            guard newest <= now else { return late }
            // Bounded: this many attempts suffice to determine whether the lateness is within the bound.
            for _ in 1...Self.mostMissed {
                let following = next(after: newest, now: due)
                guard following <= now else { break }
                newest = following
            }
            return now - newest
        }
    }

    /// The most occurrences that are counted.
    package static let mostMissed = 1_000

    /// How many occurrences have passed since the first missed one, at most ``mostMissed``, and the last of them.
    package func missed(since due: Timestamp, now: Timestamp) -> (count: Int, last: Timestamp)? {
        guard due <= now else { return nil }
        if case .every(let interval) = self {
            let step = max(1, interval.milliseconds)
            let steps = (now - due).milliseconds / step
            return (Int(min(steps + 1, Int64(Self.mostMissed))), due + .milliseconds(steps * step))
        }
        var (count, last) = (1, due)
        while count < Self.mostMissed {
            let following = next(after: last, now: last)
            guard following <= now else { break }
            (count, last) = (count + 1, following)
        }
        return (count, last)
    }
}

package import Policies

extension Schedule {
    /// When a cleanup is due that was scheduled by another definition and is by this one now.
    ///
    /// What was due already, and would have been by this definition too, stays due; everything else is scheduled as this
    /// definition says, sooner or later than before.
    ///
    /// - Parameters:
    ///   - former: the definition before, where it is known.
    ///   - due: when it was due by that.
    package func anew(after former: Schedule?, due: Timestamp, now: Timestamp) -> Timestamp {
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

    /// The latest time at which a cleanup that isn't running can be due: later ones are left from a clock that was ahead.
    package func latest(from now: Timestamp) -> Timestamp {
        switch self {
        case .every(let interval): now + interval
        case .cron: next(after: now, now: now)
        }
    }

    /// By how much a run that was due then is late: counted from the newest occurrence that has passed, up to a bound.
    ///
    /// Where nothing ran for days, those before it are missed, and it alone is late.
    package func lateness(due: Timestamp, now: Timestamp, upTo bound: Duration) -> Duration {
        let late = max(.zero, now - due)
        guard late > bound else { return late }
        switch self {
        case .every(let interval):
            return .milliseconds(late.milliseconds % max(1, interval.milliseconds))
        case .cron:
            var newest = next(after: now - bound - .milliseconds(1), now: due)
            guard newest <= now else { return late }
            // Bounded: as many as are tried tell whether the bound is kept, and that is what is asked for.
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

    /// How many times have passed from the first on that was missed, at most ``mostMissed``, and the last of those.
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

package import Policies
internal import RedisClient

extension Operations {
    /// What a cleanup that runs again has missed, and when it runs.
    package struct Resumption: Sendable, Equatable {
        /// The cleanup.
        package var cleanup: String
        /// Whether it was paused.
        package var isResumed: Bool
        /// How many of its times have passed meanwhile; at most ``Schedule/mostMissed``.
        package var missed = 0
        /// The last of them.
        package var lastMissed: Timestamp?
        /// When it runs; nil where it isn't on the schedule, or runs now.
        package var due: Timestamp?
        /// When it would run if what was missed were left; nil where nothing was, or is left.
        package var next: Timestamp?
        /// The server's time.
        package var now: Timestamp

        /// Whether anything was done.
        package var isDone: Bool { isResumed || (lastMissed != nil && next == nil) }

        /// The same in a sentence.
        package var message: String {
            guard isDone else { return "\(cleanup) is not paused" }
            var text = isResumed ? "\(cleanup) runs again" : "\(cleanup) was resumed before"
            if let lastMissed {
                let count = missed < Schedule.mostMissed ? String(missed) : "\(missed) or more"
                let times = missed == 1 ? "one of its times" : "\(count) of its times"
                text += ": \(times) passed meanwhile, the last at \(lastMissed.iso8601)"
            }
            guard let due else { return text + (lastMissed == nil ? " when it is due" : "") }
            text += lastMissed == nil ? " at \(due.iso8601)" : "; it runs at \(due.iso8601)"
            text += due > now ? ", in \((due - now).roughText)" : ", that is now"
            if let next {
                text += " (“curfew resume \(cleanup) --skip” leaves it at that, and waits for \(next.iso8601))"
            }
            return text
        }
    }

    /// For how long what was missed waits: whoever resumes a cleanup is told, and may still want it to be left.
    private static let secondThought = Duration.seconds(10)

    /// Lets a paused cleanup run again, and wakes the instances.
    ///
    /// Nobody waited for it while it was paused: it counts as overdue from now on. What it has missed is made up for by one
    /// run, unless that is to be left; that can also be said a moment later.
    ///
    /// - Parameter skip: whether what was missed is left, and the cleanup waits for its next time.
    package func resume(
        _ cleanup: String, by person: String, skip: Bool = false
    ) async throws(CurfewError) -> Resumption {
        while true {
            let found = try await find(cleanup)
            var resumption = Resumption(cleanup: cleanup, isResumed: found.pause != nil, now: found.now)
            resumption.due = found.due
            let change = plan(&resumption, found, skip: skip)
            guard resumption.isDone else { return resumption }
            guard try await engine.functions.note(change, engine.keys) == .made else { continue }
            await record(
                OperatorAction("resume", by: person, cleanup: cleanup, detail: skip ? "what was missed is left" : ""),
                at: found.now)
            _ = try await engine.redis.reply(to: RedisCommand("PUBLISH", [engine.keys.wake, cleanup]))
            return resumption
        }
    }

    /// What is known of a cleanup that is to run again.
    private struct Found {
        let now: Timestamp
        let pause: String?
        /// When it is due; nil where it isn't on the schedule, or runs now.
        let due: Timestamp?
        let schedule: Schedule?
        let owes: Bool
    }

    private func find(_ cleanup: String) async throws(CurfewError) -> Found {
        let keys = engine.keys
        let now = try await engine.serverClock().now
        let commands = [
            RedisCommand("HGET", [keys.paused, cleanup]),
            RedisCommand("ZSCORE", [keys.schedule, cleanup]),
            RedisCommand("EXISTS", [keys.lease(cleanup)]),
            RedisCommand("HGET", [keys.definitions, cleanup]),
            RedisCommand("HEXISTS", [keys.owed, cleanup]),
        ]
        let replies = try await engine.redis.replies(to: commands, "resuming \(cleanup)")
        let isRunning = replies[2].integer == 1
        let score = replies[1].string.flatMap(Double.init).map { Timestamp(score: $0) }
        let noted = replies[3].string.flatMap(Definition.init(text:))
        return Found(
            now: now, pause: replies[0].string, due: isRunning ? nil : score,
            schedule: noted?.schedule ?? engine.configuration.cleanup(named: cleanup)?.schedule,
            owes: replies[4].integer == 1)
    }

    /// What is to be written, and what is to be said of it.
    private func plan(_ resumption: inout Resumption, _ found: Found, skip: Bool) -> PlainChange {
        let (cleanup, keys) = (resumption.cleanup, engine.keys)
        var change = PlainChange(member: cleanup)
        if let pause = found.pause {
            change.checks.append(.init(check: .equals, key: keys.paused, field: cleanup, value: pause, complaint: ""))
            change.write("HDEL", .own(keys.paused), [.value(cleanup)])
        } else if !skip {
            return change
        }
        // Where it isn't paused, only what it is about to make up for can still be left.
        let horizon = found.pause == nil ? found.now + Self.secondThought : found.now
        if let due = found.due, let schedule = found.schedule,
            let missed = schedule.missed(since: due, now: max(horizon, found.now))
        {
            let next = schedule.next(after: due, now: found.now)
            (resumption.missed, resumption.lastMissed) = (missed.count, missed.last)
            resumption.due = skip ? next : found.now + Self.pause(before: schedule)
            resumption.next = skip ? nil : next
            change.checks.append(.init(check: .missing, key: keys.lease(cleanup), complaint: ""))
            let score = String((resumption.due ?? next).milliseconds)
            change.write("ZADD", .own(keys.schedule), [.value(score), .value(cleanup)])
        }
        // It owes nothing from before: nobody waited.
        if found.owes { change.write("HDEL", .own(keys.owed), [.value(cleanup)]) }
        return change
    }

    /// A cleanup that runs all the time has nothing to be asked about.
    private static func pause(before schedule: Schedule) -> Duration {
        switch schedule {
        case .every(let interval): min(secondThought, interval / 10)
        case .cron: secondThought
        }
    }
}

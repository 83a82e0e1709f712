internal import Policies
internal import RedisClient

extension Operations {
    /// What is known of a cleanup that somebody wants to forget.
    private struct Traces {
        /// When it is due or its lease ends, as the server wrote it.
        let score: String?
        let definition: String?
        let pause: String?
        let owed: String?
        /// The current run, and its instance.
        let run: String?, holder: String?
        let leaseEnd: Timestamp?
        let now: Timestamp

        var isNothing: Bool { score == nil && definition == nil && pause == nil && owed == nil && run == nil }
        var isRunning: Bool { run != nil && leaseEnd.map { $0 > now } == true }
    }

    /// Takes a cleanup that no file has any more off the schedule, with its pause and what it owes, and removes the index
    /// that Curfew kept for it.
    ///
    /// Its history, its events and its fence stay: a cleanup of the same name continues the numbers.
    ///
    /// Throws if the cleanup is unknown, configured here, running, or known to a living instance.
    package func forget(_ cleanup: String, by person: String) async throws(CurfewError) {
        guard engine.configuration.cleanup(named: cleanup) == nil else {
            throw CurfewError(
                .usage, "the configuration has a cleanup “\(cleanup)”: expected it to be removed from the file first")
        }
        while true {
            let traces = try await traces(of: cleanup)
            if traces.isNothing {
                throw CurfewError(
                    .usage,
                    "there is no cleanup “\(cleanup)” to forget: neither the configuration nor the schedule has it")
            }
            if traces.isRunning {
                throw CurfewError(
                    .held,
                    "\(cleanup) is running on \(traces.holder ?? "-") (\(traces.run ?? "-"), lease until "
                        + "\(traces.leaseEnd?.iso8601 ?? "-")): expected its run to have ended")
            }
            let users = try await Definitions(engine.coordinator).users(of: traces.definition)
            guard users.isEmpty else {
                throw CurfewError(
                    .held,
                    "\(cleanup) is in the configuration of \(users.joined(separator: ", ")): expected no living "
                        + "instance to have it")
            }
            let change = forgetting(cleanup, traces, by: person)
            if try await engine.functions.note(change, engine.keys) == .made { break }
        }
        try await removeIndex(of: cleanup)
    }

    private func traces(of cleanup: String) async throws(CurfewError) -> Traces {
        let keys = engine.keys
        let now = try await engine.serverClock().now
        let commands = [
            RedisCommand("ZSCORE", [keys.schedule, cleanup]), RedisCommand("HGET", [keys.definitions, cleanup]),
            RedisCommand("HGET", [keys.paused, cleanup]), RedisCommand("HGET", [keys.owed, cleanup]),
            RedisCommand("HMGET", [keys.lease(cleanup), "run", "instance"]),
        ]
        let replies = try await engine.redis.replies(to: commands, "forgetting \(cleanup)")
        let score = replies[0].string
        return Traces(
            score: score, definition: replies[1].string, pause: replies[2].string, owed: replies[3].string,
            run: replies[4][0].string, holder: replies[4][1].string,
            leaseEnd: score.flatMap(Double.init).map { Timestamp(score: $0) }, now: now)
    }

    /// What was read must still be so; all of it goes at once, and the event says who did it.
    private func forgetting(_ cleanup: String, _ traces: Traces, by person: String) -> PlainChange {
        let keys = engine.keys
        var change = PlainChange(member: cleanup)
        func check(_ key: String, is value: String?) {
            change.checks.append(
                value.map { .init(check: .equals, key: key, field: cleanup, value: $0, complaint: "") }
                    ?? .init(check: .absent, key: key, field: cleanup, complaint: ""))
        }
        check(keys.definitions, is: traces.definition)
        if let run = traces.run {
            change.checks.append(
                .init(check: .equals, key: keys.lease(cleanup), field: "run", value: run, complaint: ""))
            change.write("DEL", .own(keys.lease(cleanup)))
        } else {
            change.checks.append(.init(check: .missing, key: keys.lease(cleanup), complaint: ""))
        }
        if let score = traces.score {
            change.checks.append(
                .init(check: .score, key: keys.schedule, field: cleanup, value: score, complaint: ""))
            change.write("ZREM", .own(keys.schedule), [.value(cleanup)])
        }
        for (key, text) in [
            (keys.definitions, traces.definition), (keys.paused, traces.pause), (keys.owed, traces.owed),
        ]
        where text != nil {
            change.write("HDEL", .own(key), [.value(cleanup)])
        }
        let detail = traces.run.map { "its run \($0) was lost" } ?? ""
        let deed = OperatorAction("forget", by: person, cleanup: cleanup, detail: detail)
        change.add(
            deed.event(run: traces.run ?? "", at: String(traces.now.milliseconds)), to: engine.journal)
        return change
    }

    /// How many entries are removed at a time: no command may hold Redis for long.
    private static let page = 500

    /// Removes the index that Curfew kept, with what it remembers of its members and of the scan.
    private func removeIndex(of cleanup: String) async throws(CurfewError) {
        let keys = engine.keys
        let (index, seen) = (keys.index(cleanup), keys.seen(cleanup))
        while true {
            let page = RedisCommand("ZRANGE", [index, "0", String(Self.page - 1)])
            let members = try await engine.redis.reply(to: page).elements.compactMap(\.string)
            guard !members.isEmpty else { break }
            let commands = [RedisCommand("HDEL", [seen] + members), RedisCommand("ZREM", [index] + members)]
            _ = try await engine.redis.replies(to: commands, "removing the index of \(cleanup)")
        }
        _ = try await engine.redis.reply(to: RedisCommand("DEL", [keys.scan(cleanup), seen, keys.window(cleanup)]))
    }
}

internal import Policies
internal import RedisClient

/// Whether what somebody names exists: a cleanup, a run, a record.
extension Engine {
    /// Whether the configuration or the schedule has a cleanup of that name.
    ///
    /// A cleanup that is only on the schedule belongs to other instances.
    package func knows(cleanup name: String) async throws(CurfewError) -> Bool {
        if configuration.cleanup(named: name) != nil { return true }
        return try await !redis.reply(to: RedisCommand("ZSCORE", [keys.schedule, name])).isNull
    }

    /// One run, from the history or, if it is not finished, from its lease; nil if there is none.
    ///
    /// - Parameter noting: is given every newer entry of the history, newest first.
    package func run(
        _ id: String, noting: (StreamEntry) -> Void = { _ in }
    ) async throws(CurfewError) -> [String: String]? {
        if let dash = id.lastIndex(of: "-") {
            let name = String(id[..<dash])
            let lease = try await redis.reply(to: RedisCommand("HGETALL", [keys.lease(name)])).texts
            if lease["run"] == id {
                return lease.merging(["cleanup": name, "status": "running"]) { own, _ in own }
            }
        }
        return try await History(engine: self).last(1, of: keys.runs) { entry in
            noting(entry)
            return entry["run"] == id
        }.first?.object
    }

    /// The error for an unknown run.
    package func unknown(run id: String) -> CurfewError {
        let kept = configuration.streams.runs.text
        return CurfewError(.usage, "there is no run “\(id)” in the history, which is kept for \(kept)")
    }

    /// Whether an explained record exists: its key, or its entry in the index.
    package func has(_ explanation: Explanation) async throws(CurfewError) -> Bool {
        guard explanation.fields.isEmpty, explanation.indexedAt == nil else { return true }
        return try await redis.reply(to: RedisCommand("EXISTS", [explanation.key])).integer != 0
    }

    /// Whether a record exists for one of these cleanups.
    ///
    /// A record that can't be read exists.
    package func has(record id: String, in cleanups: [Cleanup]) async throws(CurfewError) -> Bool {
        for cleanup in cleanups {
            do {
                if try await has(try await Explanation.make(engine: self, cleanup: cleanup, id: id)) { return true }
            } catch {
                // An id that can't be one of this cleanup's records may be another's.
                guard error.code == .usage else { throw error }
            }
        }
        return false
    }

    /// The error for an unknown record.
    package func unknown(record id: String) -> CurfewError {
        let kept = configuration.streams.events.text
        return CurfewError(
            .usage,
            "there is no record “\(id.shortened(to: 200))”, and no event of it in the history, which is kept for "
                + kept)
    }
}

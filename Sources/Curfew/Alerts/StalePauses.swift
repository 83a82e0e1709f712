package import Policies
internal import RedisClient

/// The records of a cleanup that have been paused for too long, as far as they are found in its index.
package struct StalePauses: Sendable, Equatable {
    /// The cleanup.
    package let cleanup: String
    /// The records with their pauses, those that end first before the others.
    package let records: [(id: String, pause: StalePause)]
    /// How many entries of the index were looked at, and how many it has.
    package let looked: Int, tracked: Int

    /// The most entries that are looked at: those with the nearest deadlines.
    ///
    /// The scores alone don't tell a stale pause from a young one, so each record is read.
    package static let most = 200

    /// Reads them; nil where the cleanup isn't about pauses.
    package static func read(
        _ store: Store, _ cleanup: Cleanup, at now: Timestamp
    ) async throws(CurfewError) -> StalePauses? {
        guard cleanup.policy.watchesPauses else { return nil }
        let index = cleanup.indexKey(store.keys)
        do {
            let replies = try await store.redis.pipeline([
                RedisCommand("ZRANGE", [index, "0", String(most - 1)]), RedisCommand("ZCARD", [index]),
            ])
            if let error = replies.lazy.compactMap(\.error).first {
                throw CurfewError(error, "reading \(index)")
            }
            let entries = replies[0].elements.compactMap(\.string).map { DueEntry(id: $0, score: 0, scoreText: "0") }
            let reader = RecordReader(redis: store.redis, cleanup: cleanup, keys: store.keys)
            let judge = Evaluator(reader: reader)
            let keyed = try judge.keyed(entries[...])
            let reads = try await reader.records(
                keyed, replies: try await store.redis.pipeline(judge.commands(for: keyed)))
            let found = reads.compactMap { read -> (id: String, pause: StalePause)? in
                // A record that can't be read is its run's error, and is told there.
                guard case .success(let record) = read else { return nil }
                do {
                    return try cleanup.policy.stalePause(of: record, at: now).map { (record.id, $0) }
                } catch {
                    return nil
                }
            }
            return StalePauses(
                cleanup: cleanup.name, records: found.sorted { $0.pause.end < $1.pause.end }, looked: entries.count,
                tracked: Int(replies[1].integer ?? 0))
        } catch {
            throw CurfewError(thrown: error)
                ?? CurfewError(.server, "looking for stale pauses of \(cleanup.name): \(error)")
        }
    }

    /// Whether both say the same.
    package static func == (left: StalePauses, right: StalePauses) -> Bool {
        left.cleanup == right.cleanup && left.looked == right.looked && left.tracked == right.tracked
            && left.records.elementsEqual(right.records) { $0.id == $1.id && $0.pause == $1.pause }
    }
}

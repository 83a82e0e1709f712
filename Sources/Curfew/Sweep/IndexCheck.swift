internal import Policies
internal import RedisClient

/// What is asked about an index that the application keeps before a run writes anything.
///
/// The index is the application's own. A configuration that is wrong about it would empty it (no template fits its members)
/// or overwrite its deadlines (its scores are of another unit), and nothing in the records would show the mistake. Both are
/// asked here, at the cost of a few counts and the look for one page of records:
///
///     scores     any that can't be of the unit?          ─► the run fails: nothing is written
///     records    not one for the first page of what is due,
///                nor for a sample from the whole index?  ─► the run is refused, unless `missing: drop`
struct IndexCheck {
    /// How many entries are looked at: of those that are due, and of the whole index.
    static let sample = 64

    let redis: RedisClient
    let cleanup: Cleanup
    let index: String

    /// Makes the check; nil where Curfew keeps the index.
    init?(_ redis: RedisClient, _ cleanup: Cleanup) {
        guard let index = cleanup.index else { return nil }
        (self.redis, self.cleanup, self.index) = (redis, cleanup, index)
    }

    /// Whether there are scores among these that can't be of the unit.
    func isOdd(_ entries: [DueEntry]) -> Bool {
        let unit = cleanup.indexUnit
        return entries.contains { entry in
            Double(entry.scoreText).map { score in unit.impossible.contains { $0.contains(score) } } ?? false
        }
    }

    /// Throws where the index has scores that can't be of its unit.
    func checkScores() async throws {
        let ranges = cleanup.indexUnit.impossible
        let replies = try await redis.pipeline(
            ranges.map { RedisCommand("ZCOUNT", [index, $0.from, $0.to]) })
        for (range, reply) in zip(ranges, replies) {
            if let error = reply.error { throw CurfewError(error, "counting \(index)") }
            guard let count = reply.integer, count > 0 else { continue }
            throw try await complaint(count, in: range)
        }
    }

    private func complaint(_ count: Int64, in range: ScoreUnit.Range) async throws -> CurfewError {
        let unit = cleanup.indexUnit
        let command = RedisCommand(
            "ZRANGEBYSCORE", [index, range.from, range.to, "WITHSCORES", "LIMIT", "0", "1"])
        let entry = try await redis.send(command)
        let score = entry[1].string ?? ""
        let other = ScoreUnit.likely(Double(score) ?? 0).map {
            "; \($0.noun) are said by index: {key: \(index), unit: \($0.rawValue)}"
        }
        return CurfewError(
            .damaged,
            "\(index) can't be an index of deadlines in \(unit.noun): \(count) of its scores are none, the first is "
                + "\(score) of “\(entry[0].string ?? "")”\(other ?? ""); nothing was written")
    }

    /// Throws where no record is found for any of the first entries that are due, nor for a sample from all.
    func checkRecords(_ due: some Collection<DueEntry>) async throws {
        let first = due.prefix(Self.sample).map(\.id)
        guard !first.isEmpty, try await !hasRecord(first) else { return }
        let count = min(Self.sample, first.count)
        let members = try await redis.send(
            RedisCommand("ZRANDMEMBER", [index, String(Self.sample)]))
        let sample = members.elements.compactMap(\.string)
        guard try await !hasRecord(sample) else { return }
        let looked = max(count, sample.count)
        throw RunGuard.Refusal(
            count: looked, tracked: looked, isMissing: true,
            message: "no record under \(cleanup.records) for any of \(looked) entries of \(index); "
                + "if all of them may be gone, say missing: drop")
    }

    private func hasRecord(_ ids: [String]) async throws -> Bool {
        let commands = try ids.map {
            RedisCommand("EXISTS", [try cleanup.records.expand(id: $0) { _ in nil }])
        }
        // A key that can't be looked at is there, as far as anybody can tell; the record's own reading says why.
        return try await redis.pipeline(commands).contains { $0.error != nil || $0.integer == 1 }
    }
}

internal import Policies
internal import RedisClient

extension Doctor {
    /// How many records of a cleanup are checked.
    private static let sampled = 20

    /// How many scan steps are made if the index is empty.
    private static let steps = 10

    /// Finds record times that seem to be in another time zone than configured; nothing if all look right.
    func times() async throws -> [Finding] {
        let now = try await store.serverClock().now
        var findings: [Finding] = []
        for cleanup in configuration.cleanups where !cleanup.policy.since.isEmpty {
            let starts = try await sample(of: cleanup).compactMap { record in
                cleanup.policy.writtenStart(of: record, at: now).map { (key: record.key, $0.field, $0.time) }
            }
            findings += Self.remarks(on: starts, of: cleanup, at: now)
        }
        return findings
    }

    private static func remarks(
        on starts: [(key: String, field: String, time: RecordTime)], of cleanup: Cleanup, at now: Timestamp
    ) -> [Finding] {
        var findings: [Finding] = []
        let name = "times of \(cleanup.name)"
        let advice = "set their time zone: cleanups.\(cleanup.name).zone"
        let ahead = starts.filter { $0.time.timestamp - now > cleanup.clockTolerance }
        if let first = ahead.max(by: { $0.time.timestamp < $1.time.timestamp }) {
            let distance = (first.time.timestamp - now).roughText
            let message =
                "\(ahead.count) of \(starts.count) records begin in the future, \(first.key) in \(distance) (\(first.field))"
            findings.append(
                Finding(
                    name, .warning, message,
                    advice: "possibly a time zone: \(advice); or the clock of the writer is ahead"))
        }
        let zoneless = starts.filter(\.time.isWithoutZone)
        if let first = zoneless.first {
            let message =
                "\(zoneless.count) of \(starts.count) records have a time without a zone, read as UTC "
                + "(\(first.field) of \(first.key))"
            findings.append(Finding(name, .warning, message, advice: "\(advice) (UTC, if that is right)"))
        }
        return findings
    }

    /// Some records of a cleanup, those with the latest deadlines first: records that begin in the future are among
    /// them.
    private func sample(of cleanup: Cleanup) async throws -> [Record] {
        guard cleanup.source?.isRegistry != true else { return [] }
        let index = cleanup.indexKey(store.keys)
        let range = RedisCommand("ZRANGE", [index, "0", String(Self.sampled - 1), "REV"])
        var ids = try await store.redis.pipeline([range])[0].elements.compactMap(\.string)
        if ids.isEmpty, cleanup.index == nil { ids = try await scanned(cleanup) }
        let reader = RecordReader(redis: store.redis, cleanup: cleanup, keys: store.keys)
        let judge = Evaluator(reader: reader)
        let keyed = try judge.keyed(ids.map { DueEntry(id: $0, score: 0, scoreText: "0") }[...])
        let replies = try await store.redis.pipeline(judge.commands(for: keyed))
        return try await reader.records(keyed, replies: replies).compactMap { read in
            if case .success(let record) = read { record } else { nil }
        }
    }

    /// The ids of some records, found by a short scan of each server.
    private func scanned(_ cleanup: Cleanup) async throws -> [String] {
        let names = RecordNames(cleanup, among: configuration.cleanups, keys: store.keys)
        var ids: [String] = []
        for node in try await store.redis.primaries() {
            var cursor = "0"
            for _ in 1...Self.steps where ids.count < Self.sampled {
                let words = [cursor, "MATCH", cleanup.scanPattern, "COUNT", "1000"]
                let reply = try await store.redis.send(RedisCommand("SCAN", words), to: node)
                ids += reply[1].elements.compactMap(\.string).compactMap(names.id(of:))
                cursor = reply[0].string ?? "0"
                if cursor == "0" { break }
            }
        }
        return Array(ids.prefix(Self.sampled))
    }
}

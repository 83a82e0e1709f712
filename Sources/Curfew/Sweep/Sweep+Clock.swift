internal import Foundation
internal import Policies
internal import RedisClient

/// Whether the clock that writes the records and that of Redis are of one mind, asked before a run that has something to do.
///
/// Ages are counted from times that applications write to the time of Redis. Where their clocks are ahead of Redis by more
/// than a tenth of the timeout, or Redis is ahead of theirs by so much that what they wrote just now is past its time, an
/// age means nothing: the run fails with an error that says so, and nothing is changed.
extension Sweep {
    /// How many records are looked at, of those that are due last and of those that are due first.
    static let clockSample = 20

    /// Why a cleanup is held back.
    struct ClockRefusal: Error, CustomStringConvertible {
        let description: String
    }

    /// Throws where the times of the records can't be compared with that of Redis.
    func checkClock(_ due: [DueEntry]) async throws {
        guard !cleanup.policy.signs.isEmpty else { return }
        let now = clock.now
        // Only for what two other clocks agree on; by itself the clock of this machine means nothing.
        let here = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        for record in try await clockSample(due) where isActive(record) {
            guard let sign = cleanup.policy.lastSign(of: record, at: now) else { continue }
            if sign.time - now > cleanup.clockTolerance {
                throw ClockRefusal(
                    description: "\(record.key): \(sign.field) is \((sign.time - now).roughText) ahead of the time of "
                        + "Redis, expected at most \(cleanup.clockTolerance.roughText) (a tenth of the timeout "
                        + "\(cleanup.policy.shortestTimeout.text)): set the clock that writes it, or that of Redis; "
                        + "nothing was changed")
            }
            if now - sign.time >= cleanup.policy.shortestTimeout, (here - sign.time).isWithin(cleanup.clockTolerance) {
                throw ClockRefusal(
                    description: "\(record.key): \(sign.field) is of just now by the clock of this machine and "
                        + "\((now - sign.time).roughText) old by that of Redis, past the timeout "
                        + "\(cleanup.policy.shortestTimeout.text): set the clock of Redis, or those that write the "
                        + "records; nothing was changed")
            }
        }
    }

    private func isActive(_ record: Record) -> Bool {
        guard let states = cleanup.policy.activeStates else { return true }
        return states.contains(record[cleanup.statusField] ?? "")
    }

    private func clockSample(_ due: [DueEntry]) async throws -> [Record] {
        var ids = due.prefix(Self.clockSample).map(\.id)
        if scanned == nil {
            let range = RedisCommand("ZRANGE", [index, "0", String(Self.clockSample - 1), "REV"])
            let last = try await engine.redis.send(range).elements.compactMap(\.string)
            ids += last.filter { !ids.contains($0) }
        }
        let judge = judge
        let keyed = try judge.keyed(ids.map { DueEntry(id: $0, score: 0, scoreText: "0") }[...])
        let replies = try await engine.redis.pipeline(judge.commands(for: keyed))
        return try await judge.reader.records(keyed, replies: replies).compactMap { read in
            if case .success(let record) = read { record } else { nil }
        }
    }
}

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
        let real = clock.now
        var signs: [Sign] = []
        for record in try await clockSample(due) where isActive(record) {
            guard let sign = cleanup.policy.lastSign(of: record, at: real) else { continue }
            if let ahead = tooFarAhead(record, sign, at: real) {
                throw ClockRefusal(
                    description: "\(record.key): \(ahead.field) is \((ahead.time - real).roughText) ahead of the time "
                        + "of Redis, expected at most \(cleanup.clockTolerance.roughText) (a tenth of the timeout "
                        + "\(cleanup.policy.shortestTimeout.text)): set the clock that writes it, or that of Redis; "
                        + "nothing was changed")
            }
            signs.append(Sign(key: record.key, field: sign.field, time: sign.time))
        }
        try checkLateness(of: signs)
    }

    /// What of a record is ahead of Redis by more than clocks may differ.
    ///
    /// In registries of job systems the time in place of a heartbeat may be one before which a job isn't to be looked for,
    /// as `eta` of Celery is; there only the start tells of clocks.
    private func tooFarAhead(
        _ record: Record, _ sign: (field: String, time: Timestamp), at now: Timestamp
    ) -> (field: String, time: Timestamp)? {
        var told: (field: String, time: Timestamp)? = sign
        if registrySource != nil {
            told = cleanup.policy.writtenStart(of: record, at: now).map { ($0.field, $0.time.timestamp) }
        }
        guard let told, told.time - now > cleanup.clockTolerance else { return nil }
        return told
    }

    /// When a record was last heard of.
    private struct Sign {
        let key: String, field: String
        let time: Timestamp
    }

    /// Throws where Redis is ahead of those who write, so that what lives is past its time by it.
    ///
    /// By itself the clock of this machine means nothing. But where the newest sign is of just now by it, and not by that of
    /// Redis, those who write go by a clock like it: what isn't past its time by that clock is alive.
    private func checkLateness(of signs: [Sign]) throws {
        // After a step verdicts go by the time from before; a preview of the future has no clock to compare with.
        let now = clock.now + min(.zero, options.ahead)
        let here = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        let timeout = cleanup.policy.shortestTimeout
        guard let newest = signs.map(\.time).max(), (here - newest).isWithin(cleanup.clockTolerance),
            now - newest > cleanup.clockTolerance,
            let live = signs.filter({ now - $0.time >= timeout && here - $0.time < timeout }).max(by: {
                $0.time < $1.time
            })
        else { return }
        let age = here - live.time
        let isOfNow = age.isWithin(cleanup.clockTolerance)
        throw ClockRefusal(
            description:
                "\(live.key): \(live.field) is \(isOfNow ? "of just now" : "\(age.roughText) old") by the clock of "
                + "this machine and \((now - live.time).roughText) old by that of Redis, past the timeout "
                + "\(timeout.text): set the clock of Redis, or those that write the records; nothing was changed")
    }

    private func isActive(_ record: Record) -> Bool {
        guard let states = cleanup.policy.activeStates else { return true }
        return states.contains(record[cleanup.statusField] ?? "")
    }

    private func clockSample(_ due: [DueEntry]) async throws -> [Record] {
        var sample = Array(due.prefix(Self.clockSample))
        if scanned == nil, registrySource == nil {
            let ids = sample.map(\.id)
            let range = RedisCommand("ZRANGE", [index, "0", String(Self.clockSample - 1), "REV"])
            let last = try await store.redis.send(range).elements.compactMap(\.string)
            sample += last.filter { !ids.contains($0) }.map { DueEntry(id: $0, score: 0, scoreText: "0") }
        }
        let judge = judge
        let keyed = try judge.keyed(sample.filter { $0.trouble == nil }[...])
        let replies = try await store.redis.pipeline(judge.commands(for: keyed))
        return try await judge.reader.records(keyed, replies: replies).compactMap { read in
            if case .success(let record) = read { record } else { nil }
        }
    }
}

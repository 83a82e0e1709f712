internal import Policies
internal import RedisClient

/// How far the scan of a keyspace is, or when the next one is due: what `curfew status` shows of it.
package struct ScanStatus: Sendable, Codable, Equatable {
    /// `scanning`; `interrupted`, where nobody goes on with one that was begun; `waiting`; `never`, before the first.
    package var state: String
    /// Who scans.
    package var instance: String?
    /// How far it is, 0…100, with the keys walked past and all keys when it began; the last scan's where none is under way.
    package var percent: Int, seen: Int, keys: Int
    /// Entries that the index lacked.
    package var added: Int
    /// Milliseconds until the next one is due; below zero where that is past.
    package var nextInMs: Int64?
    /// When the last one ended: ISO 8601.
    package var finishedAt: String?

    static let fields = [
        "instance", "lease_until_ms", "cursor", "seen", "added", "keys", "next_ms", "finished_ms",
    ]

    /// Reads the reply to `HMGET` of ``fields``.
    init(_ reply: RedisValue, now: Timestamp) {
        let values = Self.fields.indices.map { $0 < reply.count ? reply[$0].string : nil }
        func number(_ place: Int) -> Int64? { values[place].flatMap { Int64($0) } }
        let isHeld = values[0] != nil && (number(1) ?? 0) > now.milliseconds
        let isUnderWay = values[2].map { $0 != "0" } ?? false
        let finished = number(7)
        state =
            isHeld ? "scanning" : isUnderWay ? "interrupted" : finished == nil ? "never" : "waiting"
        instance = isHeld ? values[0] : nil
        keys = ScanPosition.count(values[5])
        let walked = ScanPosition.count(values[3])
        // SCAN counts about; nobody is to see more keys walked past than there are.
        seen = keys > 0 ? min(walked, keys) : walked
        let isThrough = !isHeld && !isUnderWay && finished != nil
        percent = isThrough ? 100 : keys > 0 ? min(99, seen * 100 / keys) : 0
        added = ScanPosition.count(values[4])
        nextInMs = isHeld ? nil : number(6).map { $0.bounded(minus: now.milliseconds) }
        finishedAt = finished.map { Timestamp(milliseconds: $0).iso8601 }
    }
}

internal import Policies
internal import RedisClient

/// The progress of a keyspace scan, or when the next one is due, as `curfew status` shows it.
package struct ScanStatus: Sendable, Codable, Equatable {
    /// `scanning`; `interrupted` if no instance continues a started scan; `waiting`; `never` before the first scan.
    package var state: String
    /// The scanning instance.
    package var instance: String?
    /// The progress, 0…100, with the keys walked and the keys at its start; those of the last scan if none is active.
    package var percent: Int, seen: Int, keys: Int
    /// The number of entries that the index lacked.
    package var added: Int
    /// Milliseconds until the next scan is due; negative if that has passed.
    package var nextInMs: Int64?
    /// When the last scan ended: ISO 8601.
    package var finishedAt: String?

    static let fields = [
        "instance", "lease_until_ms", "cursor", "seen", "added", "keys", "next_ms", "finished_ms",
    ]

    /// Parses the reply to `HMGET` of ``fields``.
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
        // The count of SCAN is approximate; more keys than exist would look wrong.
        seen = keys > 0 ? min(walked, keys) : walked
        let isThrough = !isHeld && !isUnderWay && finished != nil
        percent = isThrough ? 100 : keys > 0 ? min(99, seen * 100 / keys) : 0
        added = ScanPosition.count(values[4])
        nextInMs = isHeld ? nil : number(6).map { $0.bounded(minus: now.milliseconds) }
        finishedAt = finished.map { Timestamp(milliseconds: $0).iso8601 }
    }
}

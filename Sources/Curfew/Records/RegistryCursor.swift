internal import Policies
internal import RedisClient

/// How far a walk is in one registry.
struct RegistryCursor {
    /// How pages follow each other.
    private enum Order {
        /// By rank: in a list from its tail, in a sorted set from the lowest score.
        case rank
        /// By a cursor that Redis gives.
        case cursor
        /// By the id of the last entry of a stream.
        case after
    }

    /// A member and what else is known of it.
    struct Found {
        var seat: Seat
        var facts: [String: String] = [:]
    }

    private let kind: Push.Kind
    private let isByScore: Bool
    private let order: Order
    private var ranks = DueCursor()
    /// The cursor of the next page, or the id behind which it begins.
    private var next: String
    private var asked = 0...0
    /// Whether nothing was asked for yet.
    private(set) var isAtStart = true
    private(set) var isExhausted = false
    /// The members that a cursor has given, which may give some twice; up to ``mostSeen``.
    private var seen: Set<String> = []
    private static let mostSeen = 200_000

    init(_ kind: Push.Kind, isByScore: Bool) {
        (self.kind, self.isByScore) = (kind, isByScore)
        switch kind {
        case .list, .zset: (order, next) = (.rank, "")
        case .stream: (order, next) = (.after, "-")
        case .set, .hash, .text: (order, next) = (.cursor, "0")
        }
    }

    /// The command for the next page.
    ///
    /// - Parameter idle: of pending entries, for how long at least.
    mutating func command(
        _ key: String, count: Int, group: String?, idle: Duration?
    ) -> RedisCommand {
        isAtStart = false
        var command: RedisCommand
        switch order {
        case .rank:
            let range = ranks.range(count: count)
            asked = range
            if kind == .list {
                command = RedisCommand("LRANGE", [key, String(-2 - range.upperBound), String(-1 - range.lowerBound)])
            } else {
                command = RedisCommand(
                    "ZRANGE", [key, String(range.lowerBound), String(range.upperBound), "WITHSCORES"])
            }
        case .cursor:
            command = RedisCommand(kind == .set ? "SSCAN" : "HSCAN", [key, next, "COUNT", String(count)])
        case .after:
            asked = 0...count - 1
            if let group {
                let words = idle.map { ["IDLE", String($0.milliseconds)] } ?? []
                command = RedisCommand("XPENDING", [key, group] + words + [next, "+", String(count)])
            } else {
                command = RedisCommand("XRANGE", [key, next, "+", "COUNT", String(count)])
            }
        }
        command.replySize = .list
        return command
    }

    /// The members of a page.
    mutating func seats(
        of registry: RegistryWalk.Registry, _ reply: RedisValue, group: String?, at now: Timestamp
    ) -> [Found] {
        let key = registry.key
        switch kind {
        case .list:
            // From the tail; one more was read, to know what the last of them stands behind.
            let elements = Array(reply.elements.reversed().map { $0.string ?? "" })
            let first = asked.lowerBound
            return elements.prefix(asked.count).enumerated().map { number, element in
                var seat = Seat(registry: key, kind: kind, member: element)
                seat.behind = number + 1 < elements.count ? elements[number + 1] : nil
                seat.end = seat.behind == nil ? .head : .tail
                seat.reach = first + number + 1 + Seat.slack
                return Found(seat: seat)
            }
        case .zset:
            return reply.fields().map { member, score in
                Found(seat: Seat(registry: key, kind: kind, member: member.string ?? "", score: score.string))
            }
        case .set:
            next = reply[0].string ?? "0"
            return reply[1].elements.map { Found(seat: Seat(registry: key, kind: kind, member: $0.string ?? "")) }
        case .hash, .text:
            next = reply[0].string ?? "0"
            return reply[1].fields().map { field, value in
                Found(seat: Seat(registry: key, kind: kind, member: field.string ?? "", value: value.string))
            }
        case .stream:
            let found = reply.elements.map { entry in Self.found(entry, key, group: group, at: now) }
            if let last = found.last { next = "(" + last.seat.member }
            return found
        }
    }

    /// An entry of a stream, or what is pending of it.
    private static func found(_ entry: RedisValue, _ key: String, group: String?, at now: Timestamp) -> Found {
        let id = entry[0].string ?? ""
        guard let group else { return Found(seat: Seat(registry: key, kind: .stream, member: id)) }
        let idle = entry[2].integer ?? 0
        let pending = Seat.Pending(
            group: group, consumer: entry[1].string ?? "", deliveries: String(entry[3].integer ?? 0))
        return Found(
            seat: Seat(registry: key, kind: .stream, member: id, pending: pending),
            facts: [
                "<idle>": String(now.milliseconds - idle), "idle": String(idle), "consumer": pending.consumer,
                "deliveries": pending.deliveries,
            ])
    }

    /// Takes in the entries of a page: those that are new.
    mutating func take(_ entries: [DueEntry], count: Int, horizon: Timestamp) -> [DueEntry] {
        switch order {
        case .rank:
            let new = ranks.take(
                entries, asked: asked, horizon: isByScore ? horizon : Timestamp(milliseconds: .max / 2))
            isExhausted = ranks.isExhausted
            return new
        case .cursor:
            isExhausted = next == "0"
            guard !isExhausted || !seen.isEmpty else { return entries }
            return entries.filter { seen.count >= Self.mostSeen || seen.insert($0.id).inserted }
        case .after:
            isExhausted = count < asked.count
            return entries
        }
    }

    /// A member is dealt with.
    mutating func finished(_ id: String, stays: Bool) {
        if order == .rank { ranks.finished(id, stays: stays) }
    }
}

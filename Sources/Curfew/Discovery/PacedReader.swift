internal import Policies
internal import RedisClient

/// Reads a keyspace a little at a time, with a rest after each pipeline, as a scan does: see ``ScanPace``.
///
/// Values are read in part only: of hashes with many fields and of lists a few members, of texts the beginning.
struct PacedReader {
    /// How many keys are asked about at once.
    private static let together = 16
    /// The most fields of a hash that is read whole.
    static let mostFields = 64
    /// The largest hash, in bytes of memory, whose values are all read.
    private static let smallHash = 16_384
    /// The longest value of a field that is read.
    private static let longestValue = 2_048
    /// How many bytes of a text are read.
    static let textBytes = 8_192
    /// How many members of a list or set are read, and the size of one above which fewer are.
    private static let members = 10, largeMember = 4_096, hugeMember = 131_072

    let redis: RedisClient
    private var pace = ScanPace()

    init(_ redis: RedisClient) { self.redis = redis }

    /// What a key is.
    struct Kind: Sendable {
        var key: String
        /// As `TYPE` says.
        var type: String
        var expires: Bool
    }

    /// The keys of one step of a scan.
    mutating func scan(
        _ node: RedisClient.Node, from cursor: String, match: String?
    ) async throws -> (next: String, keys: [String]) {
        let count = pace.step
        let pattern = match.map { ["MATCH", $0] } ?? []
        let (replies, elapsed) = try await send(
            [RedisCommand("SCAN", [cursor] + pattern + ["COUNT", "\(count)"])], to: node)
        pace.walked(count, took: elapsed)
        if let error = replies[0].error { throw CurfewError(.server, "SCAN: \(error.message)") }
        guard replies[0].count == 2, let next = replies[0][0].string else {
            throw CurfewError(.damaged, "unexpected reply to SCAN")
        }
        return (next, replies[0][1].elements.compactMap(\.string))
    }

    /// What some keys are; those that are gone are left out.
    mutating func kinds(_ keys: [String]) async throws -> [Kind] {
        try await each(keys) {
            [RedisCommand("TYPE", [$0]), RedisCommand("PTTL", [$0])]
        } read: { key, replies in
            guard let type = replies[0].string, type != "none" else { return nil }
            return Kind(key: key, type: type, expires: (replies[1].integer ?? -1) > 0)
        }
    }

    /// The fields of hashes; nil in place of one with too many of them.
    mutating func rows(_ keys: [String]) async throws -> [RecordFacts.Row?] {
        let sizes = try await each(keys) {
            [RedisCommand("HLEN", [$0]), RedisCommand("MEMORY", ["USAGE", $0])]
        } read: { key, replies in
            (key, replies[0].integer ?? 0, replies[1].integer)
        }
        var rows: [RecordFacts.Row?] = []
        var small: [String] = []
        for (key, fields, bytes) in sizes where fields > 0 {
            if fields > Int64(Self.mostFields) {
                rows.append(nil)
            } else if let bytes, bytes <= Self.smallHash {
                small.append(key)
            } else {
                rows.append(try await shortFields(of: key))
            }
        }
        return rows
            + (try await each(small) {
                [RedisCommand("HGETALL", [$0])]
            } read: { _, replies in
                replies[0].pairs.map { (name: $0.0, value: $0.1) }
            })
    }

    /// The fields of a hash with large values; of those only the names.
    private mutating func shortFields(of key: String) async throws -> RecordFacts.Row {
        let names = try await send([RedisCommand("HKEYS", [key])]).replies[0].elements.compactMap(\.string)
        let lengths = try await send(names.map { RedisCommand("HSTRLEN", [key, $0]) }).replies.map { $0.integer ?? 0 }
        let short = zip(names, lengths).filter { $0.1 <= Self.longestValue }.map(\.0)
        guard !short.isEmpty else { return names.map { ($0, "…") } }
        let values = try await send([RedisCommand("HMGET", [key] + short)]).replies[0].elements.map { $0.string ?? "" }
        return zip(short, values).map { ($0, $1) } + names.filter { !short.contains($0) }.map { ($0, "…") }
    }

    /// The beginnings of texts, and whether each is whole.
    mutating func texts(_ keys: [String]) async throws -> [(text: String, isWhole: Bool)] {
        try await each(keys) {
            [RedisCommand("STRLEN", [$0]), RedisCommand("GETRANGE", [$0, "0", "\(Self.textBytes - 1)"])]
        } read: { _, replies in
            replies[1].string.map { ($0, (replies[0].integer ?? 0) <= Int64(Self.textBytes)) }
        }
    }

    /// Some members of lists, sets, sorted sets, streams and large hashes.
    mutating func members(_ keys: [String], type: String, at now: Timestamp) async throws -> MemberFacts {
        var facts = MemberFacts()
        let length = ["list": "LLEN", "set": "SCARD", "zset": "ZCARD", "stream": "XLEN", "hash": "HLEN"][type]
        guard let length else { return facts }
        for key in keys {
            let size = try await send([RedisCommand(length, [key]), RedisCommand("MEMORY", ["USAGE", key])]).replies
            let count = size[0].integer ?? 0
            facts.total = facts.total.bounded(plus: Int(count))
            let average = (size[1].integer ?? 0) / max(1, count)
            guard count > 0, average < Int64(Self.hugeMember) else { continue }
            let few = average > Int64(Self.largeMember) ? 1 : Self.members
            let replies = try await send(Self.sample(key, type, few)).replies
            for (name, score) in Self.read(replies, type) {
                if facts.members.count < 4 * Self.members, !facts.members.contains(name) { facts.members.append(name) }
                if let score { facts.scores.add(score, at: now, roles: .other) }
            }
            if type == "stream", let groups = replies.last {
                facts.groups += groups.elements.compactMap { $0.texts["name"] }.filter { !facts.groups.contains($0) }
            }
        }
        return facts
    }

    private static func sample(_ key: String, _ type: String, _ few: Int) -> [RedisCommand] {
        let half = max(1, few / 2)
        switch type {
        case "list":
            return [
                RedisCommand("LRANGE", [key, "0", "\(half - 1)"]), RedisCommand("LRANGE", [key, "-\(half)", "-1"]),
            ]
        case "set": return [RedisCommand("SRANDMEMBER", [key, "\(few)"])]
        case "zset":
            return [
                RedisCommand("ZRANGE", [key, "0", "\(half - 1)", "WITHSCORES"]),
                RedisCommand("ZRANGE", [key, "-\(half)", "-1", "WITHSCORES"]),
            ]
        case "stream":
            return [
                RedisCommand("XRANGE", [key, "-", "+", "COUNT", "\(half)"]), RedisCommand("XINFO", ["GROUPS", key]),
            ]
        default: return [RedisCommand("HSCAN", [key, "0", "COUNT", "\(few)"])]
        }
    }

    private static func read(_ replies: [RedisValue], _ type: String) -> [(name: String, score: String?)] {
        switch type {
        case "zset": replies.flatMap { $0.pairs.map { ($0.0, Optional($0.1)) } }
        case "hash": replies.flatMap { $0[1].pairs.prefix(members).map { ($0.0, nil) } }
        case "stream": replies.prefix(1).flatMap { $0.elements.compactMap { $0[0].string }.map { ($0, nil) } }
        default: replies.flatMap { $0.elements.compactMap(\.string).map { ($0, nil) } }
        }
    }

    /// How many of some keys are there.
    mutating func present(_ keys: [String]) async throws -> [Bool] {
        try await each(keys) {
            [RedisCommand("EXISTS", [$0])]
        } read: { _, replies in
            replies[0].integer == 1
        }
    }

    /// One field of some hashes.
    mutating func values(_ field: String, of keys: [String]) async throws -> [String] {
        try await each(keys) {
            [RedisCommand("HGET", [$0, field])]
        } read: { _, replies in
            replies[0].string
        }
    }

    /// Asks about keys, a few at a time.
    private mutating func each<Answer>(
        _ keys: [String], commands: (String) -> [RedisCommand], read: (String, [RedisValue]) -> Answer?
    ) async throws -> [Answer] {
        var answers: [Answer] = []
        var place = 0
        while place < keys.count {
            let piece = keys[place..<min(keys.count, place + Self.together)]
            place += piece.count
            let asked = piece.map(commands)
            var rest = try await send(asked.flatMap(\.self)).replies[...]
            for (key, commands) in zip(piece, asked) {
                if let answer = read(key, Array(rest.prefix(commands.count))) { answers.append(answer) }
                rest = rest.dropFirst(commands.count)
            }
        }
        return answers
    }

    /// Sends commands, waits for their replies, and rests.
    private mutating func send(
        _ commands: [RedisCommand], to node: RedisClient.Node? = nil
    ) async throws -> (replies: [RedisValue], elapsed: Duration) {
        let pending = try node.map { try redis.begin(commands, on: $0) } ?? redis.begin(commands)
        let replies = try await pending.replies()
        let elapsed = pending.elapsed
        try await Task.sleep(for: pace.rest(after: elapsed))
        return (replies, elapsed)
    }
}

extension RedisCommand {
    /// The slot of the command's first key; nil for a command without keys, which any node can answer.
    ///
    /// All keys of a command must be in one slot; otherwise the node returns an error.
    var slot: Int? {
        key.map { RedisSlot.of($0) }
    }

    /// The first key, at the position that the command defines; by default the first argument.
    var key: ArraySlice<UInt8>? {
        var words = Words(body)
        guard let first = words.next() else { return nil }
        // Most commands are hash commands; HELLO looks like one but isn't, and HEXISTS looks different but is.
        if first.first == UInt8(ascii: "H"), first.dropFirst().first != UInt8(ascii: "E") { return words.next() }
        let name = String(decoding: first, as: UTF8.self).uppercased()
        switch KeyPlace.of(name) {
        case .none: return nil
        case .argument(let number): return words.word(number)
        case .counted(let number):
            guard let count = words.word(number), count.count != 1 || count.first != UInt8(ascii: "0") else {
                return nil
            }
            return words.next()
        case .streams(let skipped):
            if skipped > 0 { _ = words.word(skipped) }
            while let word = words.next() {
                if String(decoding: word, as: UTF8.self).uppercased() == "STREAMS" { return words.next() }
            }
            return nil
        }
    }
}

/// The position of a command's first key.
private enum KeyPlace {
    /// The command has no key.
    case none
    /// The argument with this number, counted from 1.
    case argument(Int)
    /// After the number of keys, which is the argument with this number.
    case counted(Int)
    /// After the word `STREAMS`, which doesn't occur among that many first arguments.
    case streams(after: Int)

    static func of(_ name: String) -> KeyPlace { exceptions[name] ?? .argument(1) }

    private static let exceptions: [String: KeyPlace] = {
        var places: [String: KeyPlace] = [
            "XREAD": .streams(after: 0), "XREADGROUP": .streams(after: 3), "BLMPOP": .counted(2), "BZMPOP": .counted(2),
            "MIGRATE": .argument(3),
        ]
        for name in ["FCALL", "FCALL_RO", "EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO"] { places[name] = .counted(2) }
        for name in ["ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD", "SINTERCARD", "LMPOP", "ZMPOP"] {
            places[name] = .counted(1)
        }
        for name in ["OBJECT", "XGROUP", "XINFO", "MEMORY", "BITOP"] { places[name] = .argument(2) }
        for name in keyless { places[name] = KeyPlace.none }
        return places
    }()

    private static let keyless = [
        "ACL", "ASKING", "AUTH", "BGREWRITEAOF", "BGSAVE", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "DEBUG",
        "DISCARD", "ECHO", "EXEC", "FAILOVER", "FLUSHALL", "FLUSHDB", "FUNCTION", "HELLO", "INFO", "KEYS", "LASTSAVE",
        "LATENCY", "MODULE", "MONITOR", "MULTI", "PING", "PSUBSCRIBE", "PUBLISH", "PUBSUB", "QUIT", "RANDOMKEY",
        "READONLY", "READWRITE", "REPLICAOF", "RESET", "ROLE", "SAVE", "SCAN", "SCRIPT", "SELECT", "SHUTDOWN",
        "SLOWLOG", "SUBSCRIBE", "SWAPDB", "TIME", "UNSUBSCRIBE", "UNWATCH", "WAIT", "WAITAOF",
    ]
}

/// The words of an encoded command, in order.
struct Words {
    /// The rest of the command.
    private(set) var rest: ArraySlice<UInt8>

    /// Starts at the first word of a command.
    init(_ body: ArraySlice<UInt8>) {
        rest = body
    }

    /// The next word.
    mutating func next() -> ArraySlice<UInt8>? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\r")) else { return nil }
        let length = rest[rest.startIndex..<end].dropFirst().reduce(0) { $0 * 10 + Int($1 &- UInt8(ascii: "0")) }
        let start = end + 2
        guard start + length + 2 <= rest.endIndex else { return nil }
        defer { rest = rest[(start + length + 2)...] }
        return rest[start..<start + length]
    }

    /// The next word as text.
    mutating func nextText() -> String? { next().map { String(decoding: $0, as: UTF8.self) } }

    /// The word that many positions ahead.
    mutating func word(_ number: Int) -> ArraySlice<UInt8>? {
        for _ in 1..<number { _ = next() }
        return next()
    }
}

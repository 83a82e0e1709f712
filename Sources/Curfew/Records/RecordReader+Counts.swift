internal import Policies
internal import RedisClient

/// How large something is that an application counts by: the number that a text holds, or the size of anything else.
extension RecordReader {
    /// What tells the size of each type, as `statement.lua` asks for it too.
    private static let sizes = [
        "string": "GET", "list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN", "stream": "XLEN",
    ]

    /// Answers questions for counts whose types are known.
    func count(_ keys: [(place: Int, key: String, type: String)], into answers: inout [Answer]) async throws {
        let sized = keys.compactMap { item in
            Self.sizes[item.type].map { name in
                (item.place, item.key, name == "GET" ? Self.text(at: item.key) : RedisCommand(name, [item.key]))
            }
        }
        for item in keys where item.type != "none" && Self.sizes[item.type] == nil {
            answers[item.place] = .unreadable(
                "\(item.key) is a \(item.type): expected a number, or something with a size")
        }
        guard !sized.isEmpty else { return }
        let replies = try await redis.pipelineInPieces(sized.map(\.2))
        for ((place, key, _), reply) in zip(sized, replies) {
            if let count = reply.integer {
                answers[place] = .count(count)
            } else if let error = reply.error {
                answers[place] = .unreadable("\(key) can't be counted: \(error.words)")
            } else if reply.isNull {
                answers[place] = .count(0)
            } else if let text = reply.string, text.utf8.allSatisfy({ (48...57).contains($0) }), let count = Int64(text)
            {
                answers[place] = .count(count)
            } else {
                let shown = String(decoding: (reply.bytes ?? []).prefix(80), as: UTF8.self)
                answers[place] = .unreadable("\(key) is “\(shown)”: expected a whole number")
            }
        }
    }
}

internal import Policies
internal import RedisClient

/// What stands in keys beside a record: asked by the type that a key was found to have.
extension RecordReader {
    /// The most elements of a list that are looked through, from its end, as the guard of the commit does.
    static let mostSearched = 1_000

    /// Answers questions about keys whose types are known; what isn't there has nothing in it.
    func stand(
        _ asked: [(place: Int, key: String, member: String, type: String)], into answers: inout [Answer],
        at now: Timestamp
    ) async throws {
        var commands: [RedisCommand] = []
        var places: [(place: Int, key: String, type: String)] = []
        for (place, key, member, type) in asked where type != "none" {
            guard let look = Self.look(type, key, member) else {
                answers[place] = .unreadable(
                    "\(key) is a \(type): expected a list, a set, a zset, a hash, a stream or a text")
                continue
            }
            places.append((place, key, type))
            commands += look
        }
        guard !commands.isEmpty else { return }
        let replies = try await redis.pipelineInPieces(commands)
        var inLists: [(place: Int, command: RedisCommand)] = []
        for (number, (place, key, type)) in places.enumerated() {
            let (reply, time, size) = (replies[3 * number], replies[3 * number + 1], replies[3 * number + 2])
            if type == "list", let index = reply.integer, index > 0 {
                inLists.append((place, RedisCommand("LINDEX", [key, String(index - 1)])))
            }
            if type == "list", reply.isNull, let length = size.integer, length > Self.mostSearched {
                answers[place] = .unreadable(
                    "\(key) has \(length) elements: expected at most \(Self.mostSearched), to search it")
                continue
            }
            let expires = time.integer.flatMap { $0 < 0 ? nil : now.milliseconds + $0 }
            answers[place] =
                (reply.error ?? time.error).map { Self.unreadable(key, $0) }
                ?? .standing(Self.standing(type, reply, time), expires: expires)
        }
        guard !inLists.isEmpty else { return }
        let before = try await redis.pipelineInPieces(inLists.map(\.command))
        for ((place, _), reply) in zip(inLists, before) {
            guard let element = reply.string, case .standing(_, let expires) = answers[place] else { continue }
            answers[place] = .standing(.list(behind: element), expires: expires)
        }
    }

    /// Three commands each: what there is, how long its key stays, and of a list how many elements it has.
    private static func look(_ type: String, _ key: String, _ member: String) -> [RedisCommand]? {
        let command: RedisCommand? =
            switch type {
            case "list": RedisCommand("LPOS", [key, member, "RANK", "-1", "MAXLEN", String(mostSearched)])
            case "set": RedisCommand("SISMEMBER", [key, member])
            case "zset": RedisCommand("ZSCORE", [key, member])
            case "hash": RedisCommand("HGET", [key, member])
            case "stream": RedisCommand("XRANGE", [key, member, member, "COUNT", "1"])
            case "string": Self.text(at: key)
            default: nil
            }
        return command.map {
            [$0, RedisCommand("PTTL", [key]), RedisCommand(type == "list" ? "LLEN" : "EXISTS", [key])]
        }
    }

    private static func standing(_ type: String, _ reply: RedisValue, _ time: RedisValue) -> Standing? {
        switch type {
        case "stream": return reply.count > 0 ? .stream : nil
        case "list": return reply.integer.map { _ in .list(behind: nil) }
        case "set": return reply.integer == 1 ? .set : nil
        case "zset": return reply.string.map { .zset(score: $0) }
        case "hash": return reply.string.map { .hash(value: $0) }
        default:
            let left = time.integer.flatMap { $0 < 0 ? nil : Duration.milliseconds($0) }
            return reply.string.map { .text($0, expiresIn: left) }
        }
    }
}

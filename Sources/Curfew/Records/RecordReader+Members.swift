internal import Algorithms
internal import Policies
internal import RedisClient

/// The members of a group, and what the record of each says.
extension RecordReader {
    /// The most members of a group that are read for one record; more is that record's error.
    static let mostMembers = 10_000

    /// How many records are read at once, so that one large group doesn't hold up everybody else's commands.
    private static let piece = 256

    /// What counts the members.
    static func sizeCommand(for group: GroupMembers) -> RedisCommand {
        switch group.collection {
        case .set: RedisCommand("SCARD", [group.key])
        case .list: RedisCommand("LLEN", [group.key])
        case .zset: RedisCommand("ZCARD", [group.key])
        case .hash: RedisCommand("HLEN", [group.key])
        }
    }

    /// What names the members; one more than are read, where the command can be told.
    private static func namesCommand(for group: GroupMembers) -> RedisCommand {
        switch group.collection {
        case .set: RedisCommand("SMEMBERS", [group.key])
        case .list: RedisCommand("LRANGE", [group.key, "0", String(mostMembers)])
        case .zset: RedisCommand("ZRANGE", [group.key, "0", String(mostMembers)])
        case .hash: RedisCommand("HKEYS", [group.key])
        }
    }

    /// The members, each once, after their number was asked for.
    func members(of group: GroupMembers, size: RedisValue) async throws -> Answer {
        if let error = size.error { return try await unreadable(group, error) }
        guard size.integer ?? 0 <= Self.mostMembers else { return .tooMany(limit: Self.mostMembers) }
        var command = Self.namesCommand(for: group)
        command.replySize = .list
        let reply = try await redis.pipeline([command])[0]
        if let error = reply.error { return try await unreadable(group, error) }
        // It may have grown meanwhile.
        guard reply.count <= Self.mostMembers else { return .tooMany(limit: Self.mostMembers) }
        var seen: Set<String> = []
        var keys: [String] = []
        for id in reply.elements.compactMap(\.string) {
            guard seen.insert(id).inserted else { continue }
            let key = try group.record.expand(id: id) { _ in nil }
            if self.keys.own(key) {
                return .unreadable(self.keys.refusal(of: key, as: "the record of a member of \(group.key)").message)
            }
            keys.append(key)
        }
        var members: [GroupMember] = []
        members.reserveCapacity(keys.count)
        for page in keys.chunks(ofCount: Self.piece) {
            members += try await states(of: Array(page), group)
        }
        return .members(members)
    }

    private func unreadable(_ group: GroupMembers, _ error: RedisServerError) async throws -> Answer {
        guard error.code == "WRONGTYPE" else { return Self.unreadable(group.key, error) }
        return .unreadable("\(group.key) is \(try await kind(of: group.key)): expected a \(group.collection.rawValue)")
    }

    private func states(of keys: [String], _ group: GroupMembers) async throws -> [GroupMember] {
        let commands = keys.map { key in
            var command = RedisCommand(group.isJSON ? "GET" : "HGET", group.isJSON ? [key] : [key, group.field])
            command.replySize = .record
            return command
        }
        var members = keys.map { GroupMember(key: $0, state: .gone) }
        var unclear: [Int] = []
        try await redis.pipelineInPieces(commands) { place, reply in
            let key = keys[place]
            if let error = reply.error {
                if error.code == "WRONGTYPE" { unclear.append(place) }
                members[place].state = .unreadable("\(key) can't be read: \(error.words)")
            } else if reply.isNull {
                // A hash that lacks the field is there.
                if !group.isJSON { unclear.append(place) }
            } else {
                let text = reply.string ?? ""
                members[place].state = group.isJSON ? Self.state(inJSON: text, key, group.field) : .status(text)
            }
        }
        guard !unclear.isEmpty else { return members }
        let types = try await redis.pipeline(unclear.map { RedisCommand("TYPE", [keys[$0]]) })
        for (place, type) in zip(unclear, types) {
            switch (type.string, group.isJSON) {
            case ("none"?, _): members[place].state = .gone
            case ("hash"?, false): members[place].state = .status(nil)
            default:
                let expected = group.isJSON ? "a string of JSON" : "a hash"
                members[place].state = .unreadable("\(keys[place]) is \(Self.noun(type)): expected \(expected)")
            }
        }
        return members
    }

    private static func state(inJSON text: String, _ key: String, _ field: String) -> GroupMember.State {
        do {
            return .status(try JSONRecord(text)[field])
        } catch {
            return .unreadable("\(key): \(error.message)")
        }
    }
}

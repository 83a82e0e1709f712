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
        let reply = try await redis.pipeline([Self.namesCommand(for: group)])[0]
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
        for start in stride(from: 0, to: keys.count, by: Self.piece) {
            members += try await states(of: Array(keys[start..<min(start + Self.piece, keys.count)]), group)
        }
        return .members(members)
    }

    private func unreadable(_ group: GroupMembers, _ error: RedisServerError) async throws -> Answer {
        guard error.code == "WRONGTYPE" else { return Self.unreadable(group.key, error) }
        return .unreadable("\(group.key) is \(try await kind(of: group.key)): expected a \(group.collection.rawValue)")
    }

    private func states(of keys: [String], _ group: GroupMembers) async throws -> [GroupMember] {
        let replies = try await redis.pipeline(
            keys.map { RedisCommand(group.isJSON ? "GET" : "HGET", group.isJSON ? [$0] : [$0, group.field]) })
        var members: [GroupMember] = []
        var unclear: [Int] = []
        for (key, reply) in zip(keys, replies) {
            var state = GroupMember.State.gone
            if let error = reply.error {
                if error.code == "WRONGTYPE" { unclear.append(members.count) }
                state = .unreadable("\(key) can't be read: \(error.message)")
            } else if reply.isNull {
                // A hash that lacks the field is there.
                if !group.isJSON { unclear.append(members.count) }
            } else {
                let text = reply.string ?? ""
                state = group.isJSON ? Self.state(inJSON: text, key, group.field) : .status(text)
            }
            members.append(GroupMember(key: key, state: state))
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

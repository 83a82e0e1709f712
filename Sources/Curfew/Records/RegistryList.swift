internal import Algorithms
internal import Policies
internal import RedisClient

/// Which registries there are to be walked.
struct RegistryList {
    /// The most members of another key that a gap goes over.
    private static let mostMembers = 10_000
    /// The most steps of such a scan on each server, a thousand keys each.
    private static let mostSteps = 500
    /// How long a registry is known that isn't there: one that is drained comes again.
    static let forgotten: Duration = .seconds(86_400)

    let redis: RedisClient
    let cleanup: Cleanup
    let source: RecordSource
    let keys: Keys

    /// The registries: named by the file, by the members of other keys, or found by an earlier scan of the keyspace.
    ///
    /// - Parameter found: what was found just now, in place of what is known.
    func all(found: [String]? = nil) async throws -> [String] {
        var all: [String] = []
        let rows = try await rows()
        for template in source.templates
        where template.gapNames.allSatisfy({ name in source.each.contains { $0.gap == name } }) {
            for row in rows {
                do throws(RecordError) {
                    all.append(try template.expand(id: row["id"] ?? "", keyed: source.keyed) { row[$0] })
                } catch {
                    // A member that makes no key of it names no registry.
                    continue
                }
            }
        }
        if source.isScanned {
            if let found {
                all += found
            } else {
                let known = try await redis.send(RedisCommand("ZRANGE", [keys.registries(cleanup.name), "0", "-1"]))
                if let error = known.error { throw CurfewError(error, "reading \(keys.registries(cleanup.name))") }
                // The file may have other gaps by now.
                all += known.elements.compactMap(\.string).filter { source.gaps(of: $0) != nil }
            }
        }
        var seen: Set<String> = []
        // One more than are walked, so that somebody says that there are more.
        return Array(all.filter { !keys.own($0) && seen.insert($0).inserted }.prefix(RegistryWalk.mostRegistries + 1))
    }

    /// Registries that a short scan of the keyspace finds, for somebody who asks for one record.
    func scanned() async throws -> [String] {
        var found: [String] = []
        for node in try await redis.primaries() {
            var cursor = "0"
            for _ in 0..<Self.mostSteps {
                let words = [cursor, "MATCH", source.scanPattern, "COUNT", "1000"]
                let reply = try await redis.send(RedisCommand("SCAN", words), to: node)
                if let error = reply.error { throw CurfewError(error, "looking for registries") }
                found += reply[1].elements.compactMap(\.string).filter { source.gaps(of: $0) != nil }
                cursor = reply[0].string ?? "0"
                if cursor == "0" { break }
            }
        }
        return found
    }

    /// What the gaps are that go over the members of other keys: every combination.
    private func rows() async throws -> [[String: String]] {
        var rows: [[String: String]] = [[:]]
        for each in source.each {
            let members = try await members(of: each.key)
            rows = rows.flatMap { row in members.map { row.merging([each.gap: $0]) { $1 } } }
            guard rows.count <= RegistryWalk.mostRegistries else {
                throw CurfewError(
                    .damaged,
                    "\(source.each.map(\.key).joined(separator: " and ")) name \(rows.count) registries: expected at "
                        + "most \(RegistryWalk.mostRegistries)")
            }
        }
        return rows
    }

    private func members(of key: String) async throws -> [String] {
        let type = try await redis.send(RedisCommand("TYPE", [key]))
        if let error = type.error { throw CurfewError(error, "reading \(key)") }
        let command: RedisCommand
        switch type.string {
        case "none": return []
        case "set": command = RedisCommand("SMEMBERS", [key])
        case "zset": command = RedisCommand("ZRANGE", [key, "0", String(Self.mostMembers)])
        case "list": command = RedisCommand("LRANGE", [key, "0", String(Self.mostMembers)])
        case "hash": command = RedisCommand("HKEYS", [key])
        case let other:
            throw CurfewError(.damaged, "\(key) is a \(other ?? "thing of unknown type"): expected a set of names")
        }
        let reply = try await redis.send(command)
        if let error = reply.error { throw CurfewError(error, "reading \(key)") }
        guard reply.count <= Self.mostMembers else {
            throw CurfewError(.damaged, "\(key) has \(reply.count) members: expected at most \(Self.mostMembers)")
        }
        return reply.elements.compactMap(\.string)
    }
}

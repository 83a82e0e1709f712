internal import RedisClient

extension Doctor {
    /// Asks every primary, without doing any of it, whether this user may do what Curfew does.
    func permissions() async throws -> Finding {
        let findings = try await onEveryPrimary { [try await permissions($0)] }
        return findings.first { $0.check == "permissions" }
            ?? .unknown("permissions", "ACL WHOAMI", findings.first?.message ?? "no primary is known")
    }

    private func permissions(_ node: RedisClient.Node) async throws -> Finding {
        let name = "permissions"
        let redis = engine.redis
        let who = try await redis.pipeline([RedisCommand("ACL", ["WHOAMI"])], to: node)[0]
        guard let user = who.string else {
            return .unknown(name, "ACL WHOAMI and ACL DRYRUN", who.error?.message ?? "the user is not known")
        }
        let needed = needs
        let replies = try await redis.pipeline(needed.map { RedisCommand("ACL", ["DRYRUN", user] + $0) }, to: node)
        if let error = replies.lazy.compactMap(\.error).first { return .unknown(name, "ACL DRYRUN", error.message) }
        var refused: [String] = []
        for (command, reply) in zip(needed, replies) where reply.string != "OK" {
            let text = command.prefix(2).joined(separator: " ")
            if !refused.contains(text) { refused.append(text) }
        }
        guard !refused.isEmpty else { return Finding(name, .ok, "\(user) may do all \(needed.count) things tried") }
        let more = refused.count > 8 ? ", and \(refused.count - 8) more" : ""
        let shown = refused.prefix(8).joined(separator: ", ") + more
        return Finding(
            name, .problem, "\(user) may not: \(shown)",
            advice: "allow these with ACL SETUSER \(user): commands as +name, keys as ~pattern, channels as &pattern")
    }
}

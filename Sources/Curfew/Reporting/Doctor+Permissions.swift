internal import RedisClient

extension Doctor {
    /// What one user may do on a server.
    struct Rights {
        let user: String
        let redis: RedisClient
        let node: RedisClient.Node

        /// Whether the user may do each of these; nil where the server doesn't know what is asked about.
        func allows(_ commands: [[String]]) async throws(RedisError) -> [Bool?] {
            try await redis.pipeline(commands.map { RedisCommand("ACL", ["DRYRUN", user] + $0) }, to: node)
                .map { $0.error == nil ? $0.string == "OK" : nil }
        }
    }

    /// Who is asking; the server's word where it doesn't tell, or can't be asked what a user may do.
    private func asking(on node: RedisClient.Node) async throws(RedisError) -> Result<Rights, RedisServerError> {
        let replies = try await store.redis.pipeline([RedisCommand("ACL", ["WHOAMI"])], to: node)
        guard let user = replies[0].string else {
            return .failure(replies[0].error ?? RedisServerError(message: "the user is not known"))
        }
        let tried = try await store.redis.pipeline([RedisCommand("ACL", ["DRYRUN", user, "PING"])], to: node)[0]
        if let error = tried.error { return .failure(error) }
        return .success(Rights(user: user, redis: store.redis, node: node))
    }

    /// What this user may do; nil where it can't be asked.
    func rights(on node: RedisClient.Node) async throws(RedisError) -> Rights? {
        if case .success(let rights) = try await asking(on: node) { rights } else { nil }
    }

    /// Asks every primary, without doing any of it, whether the worker's user may do what Curfew does, and what more.
    func permissions() async throws -> [Finding] {
        let findings = try await onEveryPrimary { try await permissions($0) }
        guard !findings.contains(where: { $0.check == "permissions" }) else { return findings }
        return [.unknown("permissions", "ACL WHOAMI", findings.first?.message ?? "no primary is known")]
    }

    private func permissions(_ node: RedisClient.Node) async throws -> [Finding] {
        let name = "permissions"
        var rights: Rights
        switch try await asking(on: node) {
        case .success(let found): rights = found
        case .failure(let error) where Self.isUnknown(error):
            return [
                Finding(
                    name, .warning, "this server can't be asked what a user may do (ACL DRYRUN: \(error.message))",
                    advice: "nothing to do where the user may do everything; else see the log for NOPERM")
            ]
        case .failure(let error): return [.unknown(name, "ACL WHOAMI and ACL DRYRUN", error.message)]
        }
        if let worker { rights = Rights(user: worker, redis: store.redis, node: node) }
        let needed = needs
        let allowed = try await rights.allows(needed)
        if worker != nil, allowed.allSatisfy({ $0 == nil }) {
            return [
                Finding(
                    name, .problem, "there is no user \(rights.user) on this server",
                    advice: "name the user that the worker signs in with: --rights-of")
            ]
        }
        if worker == nil, isReader(zip(needed, allowed)) {
            return [
                Finding(
                    name, .warning, "\(rights.user) may only read, so it is not the worker's user",
                    advice: "name the user whose rights are to be tried: curfew doctor --rights-of NAME")
            ]
        }
        return [missing(zip(needed, allowed), rights.user), try await more(rights)]
    }

    static func isUnknown(_ error: RedisServerError) -> Bool { error.message.lowercased().contains("unknown") }

    /// Whether a user may write nothing at all of Curfew's own.
    private func isReader(_ tried: some Sequence<([String], Bool?)>) -> Bool {
        let writing: Set<String> = ["ZADD", "HSET", "XADD", "FCALL", "DEL"]
        return !tried.contains { writing.contains($0.0[0]) && $0.1 == true }
    }

    private func missing(_ tried: some Sequence<([String], Bool?)>, _ user: String) -> Finding {
        let name = "permissions"
        var refused: [String] = []
        var count = 0
        for (command, isAllowed) in tried {
            count += 1
            // What the server doesn't know, it can't allow either.
            let text = command.prefix(2).joined(separator: " ")
            if isAllowed != true, !refused.contains(text) { refused.append(text) }
        }
        guard !refused.isEmpty else { return Finding(name, .ok, "\(user) may do all \(count) things tried") }
        let more = refused.count > 8 ? ", and \(refused.count - 8) more" : ""
        let shown = refused.prefix(8).joined(separator: ", ") + more
        return Finding(
            name, .problem, "\(user) may not: \(shown)",
            advice: "allow these with ACL SETUSER \(user): commands as +name, keys as ~pattern, channels as &pattern")
    }

    /// What a worker has no use for, and whoever has its password has: reading passwords, replacing the functions of
    /// others, ending or emptying the server, keys of others.
    private static let unneeded: [[String]] = [
        ["CONFIG", "GET", "requirepass"], ["CONFIG", "SET", "maxmemory", "0"], ["FUNCTION", "LOAD", "REPLACE", "code"],
        ["FUNCTION", "DELETE", "x"], ["FUNCTION", "FLUSH"], ["FUNCTION", "RESTORE", "x"], ["EVAL", "return 1", "0"],
        ["SCRIPT", "FLUSH"], ["ACL", "SETUSER", "x"], ["ACL", "GETUSER", "x"], ["ACL", "LIST"], ["FLUSHALL"],
        ["FLUSHDB"], ["SWAPDB", "0", "1"], ["SHUTDOWN"], ["DEBUG", "SLEEP", "0"], ["REPLICAOF", "NO", "ONE"],
        ["MONITOR"], ["KEYS", "*"], ["MODULE", "LOAD", "x"], ["CLIENT", "KILL", "x"], ["SAVE"],
        ["RESTORE", "x", "0", "x"],
        ["MIGRATE", "x", "1", "", "0", "1", "KEYS", "x"],
    ]

    /// A key that no template names.
    private static let foreignKey = "no-template-names-this:3d5f1c"

    private func more(_ rights: Rights) async throws(RedisError) -> Finding {
        let name = "more rights"
        let foreign = [["GET", Self.foreignKey], ["SET", Self.foreignKey, "x"]]
        let allowed = try await rights.allows(Self.unneeded + foreign)
        var found = zip(Self.unneeded, allowed).filter { $0.1 == true }.map { Self.shown($0.0) }
        let isEverything = allowed.allSatisfy { $0 != false }
        if allowed.suffix(foreign.count).contains(true) { found.append("keys that no template names") }
        guard !found.isEmpty else { return Finding(name, .ok, "\(rights.user) may do nothing else that was tried") }
        let what = isEverything ? "everything" : "more than is needed"
        return Finding(
            name, .warning, "\(rights.user) may do \(what): \(found.joined(separator: ", "))",
            advice: isEverything
                ? "where others use this Redis, give Curfew a user of its own: Deploy/redis/curfew.acl"
                : "take these away with ACL SETUSER \(rights.user): commands as -name, keys by resetkeys and ~pattern")
    }

    /// A command by its name, with the second word where that says what it does.
    private static func shown(_ words: [String]) -> String {
        ["CONFIG", "FUNCTION", "SCRIPT", "ACL", "MODULE", "CLIENT"].contains(words[0])
            ? words.prefix(2).joined(separator: " ") : words[0]
    }
}

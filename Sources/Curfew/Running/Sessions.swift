internal import RedisClient

/// The dashboard's sign-in sessions.
///
/// They are stored in Redis for all instances, so that ending a session ends it everywhere.
///
/// Nothing derived from a token is stored. A session is stored under a digest of its id, from which the id can't be
/// derived; it contains the person and expires. The signing secret is `{curfew}:secret`: random, and created by the
/// first instance that needs it.
package struct Sessions: Sendable {
    private static let digits = 64

    let engine: Engine

    /// Creates it for an engine.
    package init(engine: Engine) {
        self.engine = engine
    }

    /// The signing secret: 64 hexadecimal digits; created if it doesn't exist.
    package func secret() async throws(CurfewError) -> String {
        let key = engine.keys.secret
        if let secret = try await send([RedisCommand("GET", [key])])[0].string { return try checked(secret) }
        let replies = try await send([
            RedisCommand("SET", [key, Self.random(), "NX"]), RedisCommand("GET", [key]),
        ])
        return try checked(replies[1].string ?? "")
    }

    /// The signing secret, nil if there is none, and which of some sessions exist.
    package func look(
        at ids: [String]
    ) async throws(CurfewError) -> (secret: String?, present: [Bool]) {
        let commands = ids.map { RedisCommand("GET", [engine.keys.session($0)]) }
        let replies = try await send([RedisCommand("GET", [engine.keys.secret])] + commands)
        return (replies[0].string, replies.dropFirst().map { $0.string != nil })
    }

    /// Starts a session.
    ///
    /// - Parameters:
    /// - id: the digest of its id.
    /// - person: the person, as text for redis-cli users.
    package func begin(_ id: String, of person: String, lasting time: Duration) async throws(CurfewError) {
        let words = [engine.keys.session(id), person, "PX", String(time.components.seconds * 1_000)]
        _ = try await send([RedisCommand("SET", words)])
    }

    /// Ends a session.
    package func end(_ id: String) async throws(CurfewError) {
        _ = try await send([RedisCommand("DEL", [engine.keys.session(id)])])
    }

    /// Ends all sessions and invalidates all open forms, on every instance.
    package func endAll(by person: String) async throws(CurfewError) {
        let now = try await engine.serverClock().now
        _ = try await send([RedisCommand("SET", [engine.keys.secret, Self.random()])])
        await Operations(engine: engine).record(OperatorAction("end-sessions", by: person, cleanup: ""), at: now)
    }

    private func checked(_ secret: String) throws(CurfewError) -> String {
        guard secret.utf8.count >= Self.digits else {
            throw CurfewError(
                .damaged,
                "\(engine.keys.secret) holds \(secret.utf8.count) bytes, expected \(Self.digits) hexadecimal digits: "
                    + "“curfew sessions end” creates a new one")
        }
        return secret
    }

    private func send(_ commands: [RedisCommand]) async throws(CurfewError) -> [RedisValue] {
        try await engine.redis.replies(to: commands, "updating sessions")
    }

    /// 32 random bytes.
    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in generator.next().hexadecimal }.joined()
    }
}

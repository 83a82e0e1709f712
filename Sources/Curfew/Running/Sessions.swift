internal import RedisClient

/// Who is signed in to the dashboard: kept in Redis, where every instance looks, so that what ends a session ends it everywhere.
///
/// Nothing that is derived from a token is kept. A session is there by a digest of its id, from which nobody gets the id;
/// it says who it is, and expires. What it is signed with is `{curfew}:secret`: random, made by whoever needs it first.
package struct Sessions: Sendable {
    private static let digits = 64

    let engine: Engine

    /// Makes it for an engine.
    package init(engine: Engine) {
        self.engine = engine
    }

    /// What is signed with: 64 hexadecimal digits; made where there is none yet.
    package func secret() async throws(CurfewError) -> String {
        let key = engine.keys.secret
        if let secret = try await send([RedisCommand("GET", [key])])[0].string { return try checked(secret) }
        let replies = try await send([
            RedisCommand("SET", [key, Self.random(), "NX"]), RedisCommand("GET", [key]),
        ])
        return try checked(replies[1].string ?? "")
    }

    /// What is signed with, nil where there is none, and which of some sessions are there.
    package func look(
        at ids: [String]
    ) async throws(CurfewError) -> (secret: String?, present: [Bool]) {
        let commands = ids.map { RedisCommand("GET", [engine.keys.session($0)]) }
        let replies = try await send([RedisCommand("GET", [engine.keys.secret])] + commands)
        return (replies[0].string, replies.dropFirst().map { $0.string != nil })
    }

    /// Begins a session.
    ///
    /// - Parameters:
    ///   - id: the digest of its id.
    ///   - person: who it is, for people who look.
    package func begin(_ id: String, of person: String, lasting time: Duration) async throws(CurfewError) {
        let words = [engine.keys.session(id), person, "PX", String(time.components.seconds * 1_000)]
        _ = try await send([RedisCommand("SET", words)])
    }

    /// Ends a session.
    package func end(_ id: String) async throws(CurfewError) {
        _ = try await send([RedisCommand("DEL", [engine.keys.session(id)])])
    }

    /// Ends all sessions, and whatever forms are open, on every instance.
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
                    + "“curfew sessions end” writes others")
        }
        return secret
    }

    private func send(_ commands: [RedisCommand]) async throws(CurfewError) -> [RedisValue] {
        try await engine.redis.replies(to: commands, "looking after sessions")
    }

    /// 32 bytes that nobody can foretell.
    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in generator.next().hexadecimal }.joined()
    }
}

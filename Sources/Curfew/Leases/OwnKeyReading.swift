internal import RedisClient

extension RedisClient {
    /// Reads one of Curfew's own keys; if it has the wrong type, the error names it.
    func read(_ command: String, _ key: String, _ words: [String] = []) async throws(CurfewError) -> RedisValue {
        do {
            return try await send(RedisCommand(command, [key] + words))
        } catch {
            guard error.server?.code == "WRONGTYPE" else { throw CurfewError(error) }
            throw CurfewError(.server, "\(key): \(error.description)", underlying: error)
        }
    }
}

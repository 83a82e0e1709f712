package import RedisClient

/// Calls whose errors are Curfew errors.
extension RedisClient {
    /// Sends a command and waits for its reply.
    package func reply(to command: RedisCommand) async throws(CurfewError) -> RedisValue {
        do {
            return try await send(command)
        } catch {
            throw CurfewError(error)
        }
    }

    /// Sends commands together and waits for all replies.
    ///
    /// - Parameter doing: a description for the error message, if no reply may be an error.
    func replies(
        to commands: [RedisCommand], deadline: Duration? = nil, _ doing: String? = nil
    ) async throws(CurfewError) -> [RedisValue] {
        let replies: [RedisValue]
        do {
            replies = try await pipeline(commands, deadline: deadline)
        } catch {
            throw CurfewError(error)
        }
        if let doing, let error = replies.lazy.compactMap(\.error).first { throw CurfewError(error, doing) }
        return replies
    }
}

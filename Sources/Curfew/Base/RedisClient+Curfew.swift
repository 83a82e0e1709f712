package import RedisClient

/// For callers whose errors are Curfew's.
extension RedisClient {
    /// Sends a command and waits for its reply.
    package func reply(to command: RedisCommand) async throws(CurfewError) -> RedisValue {
        do {
            return try await send(command)
        } catch {
            throw CurfewError(error)
        }
    }

    /// Sends commands together and waits for all their replies.
    ///
    /// - Parameter doing: what is being done, for the message, where none of the replies may be an error.
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

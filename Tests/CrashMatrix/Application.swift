internal import RedisClient

/// The application, which finishes some of its jobs while Curfew looks at them.
struct Application: Sendable {
    let redis: RedisClient

    private static let finish = """
        if redis.call('HGET', KEYS[1], 'status') == 'PROCESSING' then
          redis.call('HSET', KEYS[1], 'status', 'COMPLETED', 'by', 'the application')
        end
        return redis.call('HGET', KEYS[1], 'status')
        """

    /// Finishes one after the other, as far as they aren't failed by then.
    func run(_ ids: some Sequence<String>) async {
        for id in ids {
            do {
                _ = try await redis.send(RedisCommand("EVAL", [Self.finish, "1", "job:\(id)"]), deadline: .seconds(2))
                try await Task.sleep(for: .milliseconds(5))
            } catch is CancellationError {
                return
            } catch {
                // Redis is away, as so often in this matrix; the record will tell what happened.
            }
        }
    }
}

internal import RedisClient

/// How many messages wait at a receiver, and how many have failed for good.
package struct NoticeBacklog: Sendable, Equatable {
    /// `webhook` or `mail`.
    package let kind: String
    /// The name of the webhook; `mail` for mail.
    package let name: String
    /// Messages that wait for their first or next attempt.
    package let waiting: Int
    /// Dead letters; at most a thousand are kept.
    package let dead: Int

    /// Reads the backlog of each receiver, leaving out one whose keys can't be read, which the doctor reports.
    static func read(_ store: Store, of receivers: [NoticeReceiver]) async throws(CurfewError) -> [NoticeBacklog] {
        guard !receivers.isEmpty else { return [] }
        let replies = try await store.redis.replies(
            to: receivers.flatMap { receiver in
                [
                    RedisCommand("ZCARD", [receiver.queue(store.keys)]),
                    RedisCommand("LLEN", [receiver.dead(store.keys)]),
                ]
            })
        return receivers.enumerated().compactMap { number, receiver in
            let (queue, letters) = (replies[2 * number], replies[2 * number + 1])
            guard let waiting = queue.integer, let dead = letters.integer else { return nil }
            return NoticeBacklog(
                kind: receiver.kind, name: receiver.name, waiting: Int(waiting), dead: Int(dead))
        }
    }
}

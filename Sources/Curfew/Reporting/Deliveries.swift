internal import Policies
internal import RedisClient

/// The messages for one receiver that haven't reached it.
package struct Deliveries: Sendable, Codable, Equatable {
    /// The receiver: `webhook ops`, `mail`.
    package var receiver: String
    /// How many messages wait, and how many were given up.
    package var waiting: Int, failed: Int
    /// How long the oldest of those that are attempted next has been waiting.
    package var oldestMs: Int64
    /// Why the queue can't be read, if it can't.
    package var unreadable: String?

    /// A message waits long after this time: an attempt and its first repetitions take less.
    package static let patience: Int64 = 5 * 60_000

    /// Whether somebody should look at it.
    package var isTrouble: Bool { failed > 0 || unreadable != nil || (waiting > 0 && oldestMs > Self.patience) }

    /// Reads the queues of all receivers in one pipeline.
    static func read(
        _ store: Store, _ receivers: [NoticeReceiver]
    ) async throws(CurfewError) -> [Deliveries] {
        guard !receivers.isEmpty else { return [] }
        let now = try await store.serverClock().now
        let replies: [RedisValue]
        do {
            replies = try await store.redis.pipeline(
                receivers.flatMap { receiver in
                    [
                        RedisCommand("ZCARD", [receiver.queue(store.keys)]),
                        RedisCommand("LLEN", [receiver.dead(store.keys)]),
                        RedisCommand("ZRANGE", [receiver.queue(store.keys), "0", "19"]),
                    ]
                })
        } catch {
            throw CurfewError(error)
        }
        return receivers.enumerated().map { number, receiver in
            let own = Array(replies[(3 * number)..<(3 * number + 3)])
            let times = own[2].elements.compactMap { $0.string.flatMap(time) }
            return Deliveries(
                receiver: receiver.label, waiting: Int(own[0].integer ?? 0), failed: Int(own[1].integer ?? 0),
                oldestMs: times.min().map { max(0, now.milliseconds.bounded(minus: $0)) } ?? 0,
                unreadable: own.lazy.compactMap(\.error).first?.message)
        }
    }

    /// When a message came into being, according to its id: `curfew:alerts:1700000000000-0`.
    private static func time(ofMessage id: String) -> Int64? {
        id.firstMatch(of: /:([0-9]{1,18})-[0-9]/).flatMap { Int64($0.1) }
    }
}

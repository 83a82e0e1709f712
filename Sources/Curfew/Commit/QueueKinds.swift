internal import Policies
internal import RedisClient

/// What the queues are that records are put on: list, sorted set or stream.
///
/// A queue that is drained isn't there, and whoever creates it anew decides what it is from then on: with the wrong kind
/// every worker and producer of the application fails. So a kind that the configuration says is kept to; else a queue is
/// what it is found to be, and while it isn't there, what it was when it was last found (noted in `{curfew}:kinds`); one that
/// was never seen is a list.
struct QueueKinds: Sendable, Equatable {
    private var found: [String: String] = [:]
    private var remembered: [String: String] = [:]

    /// Nothing known.
    init() {}

    /// Looks these queues up.
    ///
    /// - Parameter isNoting: whether what was found is noted for later; a look without a lease writes nothing.
    init(_ queues: [String], _ redis: RedisClient, _ keys: Keys, isNoting: Bool) async throws {
        guard !queues.isEmpty else { return }
        let replies = try await redis.pipeline(
            queues.map { RedisCommand("TYPE", [$0]) }
                + [RedisCommand("HMGET", [keys.kinds] + queues)])
        if let error = replies[queues.count].error { throw CurfewError(error, "reading \(keys.kinds)") }
        var news: [String] = []
        for (number, queue) in queues.enumerated() {
            // A queue that can't be looked at is its changes' error, when they are made.
            let type = replies[number].string ?? "none"
            let known = replies[queues.count][number].string
            if type != "none" { found[queue] = type }
            remembered[queue] = known
            if let kind = Push.Kind(rawValue: type), Push.Kind.found.contains(kind), type != known {
                news += [queue, type]
            }
        }
        guard isNoting, !news.isEmpty else { return }
        let reply = try await redis.send(RedisCommand.repeatable("HSET", [keys.kinds] + news))
        if let error = reply.error { throw CurfewError(error, "writing \(keys.kinds)") }
    }

    /// What the queue of a push is.
    ///
    /// Throws where it is something that an id can't be put on, or a sorted set for which no score is known.
    func kind(of push: Push) throws(RecordError) -> Push.Kind {
        // Work is taken up from a queue, which has an order.
        let isQueue = push.content == .id
        if let type = found[push.key] {
            guard let kind = Push.Kind(rawValue: type),
                push.kind.map({ $0 == kind }) ?? (isQueue ? Push.Kind.queues : Push.Kind.found).contains(kind)
            else {
                let expected =
                    push.kind.map { "a \($0.rawValue)" }
                    ?? (isQueue ? "a list, a zset or a stream" : "a list, a zset, a set or a stream")
                throw RecordError("WRONGTYPE \(push.key) is a \(type): expected \(expected)")
            }
            return try scored(kind, push, "is")
        }
        if let kind = push.kind { return kind }
        return try scored(remembered[push.key].flatMap(Push.Kind.init) ?? .list, push, "was")
    }

    private func scored(_ kind: Push.Kind, _ push: Push, _ verb: String) throws(RecordError) -> Push.Kind {
        guard kind == .zset, push.score == nil else { return kind }
        throw RecordError(
            "\(push.key) \(verb) a zset, and no score is configured for it: expected "
                + (push.content == .id ? "queue: {key: …, kind: zset, score: …}" : "{to: …, kind: zset, score: …}"))
    }
}

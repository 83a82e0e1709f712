internal import Foundation
internal import Logging
internal import Policies
internal import RedisClient

/// The deliveries of one webhook, in Redis: what is to be sent, when it is tried next, and what was given up.
///
/// A sorted set holds the ids: score = the time of the next attempt or, while one is under way, the time at which whoever
/// makes it must be dead. So any instance can go on where another left off. What is sent lies beside it, since the stream
/// may be trimmed before the last attempt. Every step is a commit guarded by the score that was read: of two instances
/// that take the same delivery, one gets it.
struct WebhookQueue: Sendable {
    /// With so many waiting, no more is taken from the streams until some are through.
    static let most = 10_000
    /// The dead letters that are kept, the newest.
    static let mostDead = 1_000

    let store: Store
    let webhook: Webhook

    /// One delivery, as it is kept.
    struct Letter: Codable, Equatable {
        /// What is sent.
        var body: String
        /// The attempts that failed.
        var tries = 0
        /// Why the last of them did.
        var error: String?
    }

    /// A delivery that is this instance's to attempt.
    struct Taken: Sendable {
        let id: String
        var letter: Letter
        /// The time of the server when it was taken.
        let clock: ServerClock
        /// The score under which it was taken.
        fileprivate let score: String
    }

    private var key: String { store.keys.webhook(webhook.name) }
    private var deadLetters: String { store.keys.webhookLetters(webhook.name) }
    private var dead: String { store.keys.webhookDead(webhook.name) }

    /// Whether there is no room for more.
    func isFull() async throws -> Bool {
        try await store.redis.send(RedisCommand("ZCARD", [key])).integer ?? 0 >= Int64(Self.most)
    }

    /// Puts what was read from a stream on the queue, due at once, and acknowledges it in the same step.
    ///
    /// What is on the queue already stays as it is.
    func add(_ entries: [(id: String, body: String, entry: String)], from stream: String, group: String) async throws {
        // Ids of a stream never go back: after the clock was set back new ones are of a time that is still to come.
        let now = try await store.serverClock().now.milliseconds
        let moves = try entries.map { item in
            Move(
                member: item.id, guarded: .isNew,
                score: String(min(Int64(item.entry.prefix { $0 != "-" }) ?? now, now)),
                writes: [
                    ("HSET", deadLetters, [item.id, try Self.text(Letter(body: item.body))]),
                    ("XACK", stream, [group, item.entry]),
                ])
        }
        let outcomes = try await commit(moves)
        let known = zip(entries, outcomes).filter { $0.1 != .made }.map(\.0.entry)
        if !known.isEmpty { try await store.redis.send(RedisCommand("XACK", [stream, group] + known)) }
    }

    /// Takes what is due, up to so many, and answers how long there is nothing to take where that was all.
    func take(_ count: Int) async throws -> (taken: [Taken], next: Duration?) {
        let scored = try await store.redis.send(
            RedisCommand("ZRANGE", [key, "0", String(count - 1), "WITHSCORES"])
        ).pairs
        guard !scored.isEmpty else { return ([], nil) }
        let clock = try await store.serverClock()
        let now = Double(clock.now.milliseconds)
        // No attempt is later than that: one that is was put off before the clock was set back.
        let wait = max(webhook.timing.backoff.most, webhook.timeout + webhook.timing.margin) + ClockStep.most
        let latest = now + Double(wait.milliseconds)
        let due = scored.filter { Double($0.1).map { $0 <= now || $0 > latest } ?? true }
        guard !due.isEmpty else {
            return ([], Timestamp(score: Double(scored[0].1) ?? now) - clock.now + .milliseconds(1))
        }
        let score = String((clock.now + webhook.timeout + webhook.timing.margin).milliseconds)
        let outcomes = try await commit(due.map { Move(member: $0.0, guarded: .score($0.1), score: score) })
        let won = zip(due, outcomes).filter { $0.1 == .made }.map(\.0.0)
        guard !won.isEmpty else { return ([], .zero) }
        let texts = try await store.redis.pipelineInPieces(
            won.map { id in
                var command = RedisCommand("HGET", [deadLetters, id])
                command.replySize = .list
                return command
            })
        var taken: [Taken] = []
        for (id, text) in zip(won, texts) {
            do {
                let letter = try JSONDecoder().decode(Letter.self, from: Data((text.string ?? "").utf8))
                taken.append(Taken(id: id, letter: letter, clock: clock, score: score))
            } catch {
                // Somebody else has been at it: what was to be sent is not known any more.
                store.logger.error(
                    "a webhook's queue holds something that is no message, which is dropped",
                    metadata: ["webhook": "\(webhook.name)", "id": "\(id)"])
                try await remove(id)
            }
        }
        return (taken, .zero)
    }

    /// It was delivered.
    func remove(_ id: String) async throws {
        _ = try await commit([Move(member: id, guarded: .not, score: nil, writes: [("HDEL", deadLetters, [id])])])
    }

    /// It failed, and is tried again after that time.
    func postpone(_ taken: Taken, by wait: Duration) async throws {
        let score = String((taken.clock.now + wait).milliseconds)
        let write = ("HSET", deadLetters, [taken.id, try Self.text(taken.letter)])
        _ = try await commit([Move(member: taken.id, guarded: .score(taken.score), score: score, writes: [write])])
    }

    /// It is given up: from the queue to the dead letters.
    func deadLetter(_ taken: Taken) async throws {
        let letter = DeadLetter(
            id: taken.id, atMs: taken.clock.now.milliseconds, tries: taken.letter.tries,
            error: taken.letter.error ?? "", body: taken.letter.body)
        let writes = [
            ("LPUSH", dead, [try Self.text(letter)]), ("LTRIM", dead, ["0", String(Self.mostDead - 1)]),
            ("HDEL", deadLetters, [taken.id]),
        ]
        _ = try await commit([Move(member: taken.id, guarded: .score(taken.score), score: nil, writes: writes)])
    }

    private static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// A delivery that was given up, as it stands in the list.
package struct DeadLetter: Codable, Sendable, Equatable {
    /// The id under which it was sent.
    package var id: String
    /// When it was given up.
    package var atMs: Int64
    /// The attempts that failed.
    package var tries: Int
    /// Why the last of them did.
    package var error: String
    /// What was sent.
    package var body: String

    private enum CodingKeys: String, CodingKey {
        case id, atMs = "at_ms", tries, error, body
    }
}

extension WebhookQueue {
    /// One step of one delivery.
    private struct Move {
        /// What must still be so.
        enum Condition {
            /// Nothing.
            case not
            /// It isn't on the queue.
            case isNew
            /// Nobody has taken it since its score was read.
            case score(String)
        }

        let member: String
        let guarded: Condition
        /// The new score; nil: it leaves the queue.
        let score: String?
        var writes: [(command: String, key: String, arguments: [String])] = []
    }

    private func commit(_ moves: [Move]) async throws -> [CommitCall.Outcome] {
        guard !moves.isEmpty else { return [] }
        var call = CommitCall(lease: nil, index: key, shared: [key])
        for move in moves {
            var sink = StatementSink(index: move.score == nil ? .remove : .score)
            tell(move, &sink)
            _ = call.append(.new(sink.statement), member: move.member, score: move.score) { tell(move, &$0) }
        }
        let outcomes = try call.outcomes(of: try await store.functions.call(call.command()))
        for case .refused(let why) in outcomes { throw CurfewError(.server, "\(key): \(why)") }
        return outcomes
    }

    private func tell(_ move: Move, _ sink: inout some CommitSink) {
        switch move.guarded {
        case .not: break
        case .isNew: sink.check(.absent, sink.key(deadLetters), field: .own(.member), value: .none)
        case .score(let score):
            sink.check(.score, .shared(.index), field: .own(.member), value: .own(sink.value(score)))
        }
        for write in move.writes {
            sink.begin(write.command, sink.key(write.key))
            for argument in write.arguments { sink.hole(sink.value(argument)) }
        }
    }
}

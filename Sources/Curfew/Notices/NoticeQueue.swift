internal import Foundation
internal import Logging
internal import Policies
internal import RedisClient

/// The deliveries to one receiver in Redis: their contents, their next attempts, and the failed ones.
///
/// A sorted set has their ids; the score is the time of the next attempt or, during an attempt, the time after which
/// its instance must be dead. So any instance can continue the work of another. The contents are stored as well, since
/// the stream may be trimmed before the last attempt. Every step is a commit guarded by the score that was read: if two
/// instances take the same delivery, one of them gets it.
struct NoticeQueue: Sendable {
    /// If this many deliveries wait, no more entries are read from the streams.
    static let most = 10_000
    /// How many waiting messages are looked through for those that are overtaken.
    static let mostOvertaken = 500
    /// How many dead letters are kept, newest first.
    static let mostDead = 1_000

    let store: Store
    let receiver: NoticeReceiver

    /// A stored delivery.
    struct Letter: Codable, Equatable {
        /// The content.
        var body: String
        /// The number of failed attempts.
        var tries = 0
        /// The error of the last attempt.
        var error: String?
        /// The address that a mail goes to.
        var to: String?
        /// What it continues, where the order matters.
        var thread: OutgoingNotice.Thread?
    }

    /// A delivery that this instance may attempt.
    struct Taken: Sendable {
        let id: String
        var letter: Letter
        /// The server's time when it was taken.
        let clock: ServerClock
        /// Its score when it was taken.
        fileprivate let score: String
    }

    private var key: String { receiver.queue(store.keys) }
    private var deadLetters: String { receiver.letters(store.keys) }
    private var dead: String { receiver.dead(store.keys) }

    /// Whether the queue is full.
    func isFull() async throws -> Bool {
        try await store.redis.send(RedisCommand("ZCARD", [key])).integer ?? 0 >= Int64(Self.most)
    }

    /// Adds messages to the queue, due at once, and acknowledges their entries in the same step.
    ///
    /// Messages that are already on the queue stay unchanged.
    func add(_ messages: [OutgoingNotice], from stream: String, group: String) async throws {
        // Stream ids never decrease: after the clock was set back, new ids are in the future.
        let now = try await store.serverClock().now.milliseconds
        let moves = try messages.map { message -> Move in
            let letter = try Self.text(Letter(body: message.body, to: message.to, thread: message.thread))
            let time = Int64(message.entry.prefix { $0 != "-" }) ?? now
            var move = Move(member: message.id, guarded: .isNew, score: String(min(time, now)))
            move.writes.append(("HSET", deadLetters, [message.id, letter]))
            if !message.acknowledged.isEmpty {
                move.writes.append(("XACK", stream, [group] + message.acknowledged))
            }
            return move
        }
        let outcomes = try await commit(moves)
        let known = zip(messages, outcomes).filter { $0.1 != .made }.flatMap(\.0.acknowledged)
        if !known.isEmpty { try await store.redis.send(RedisCommand("XACK", [stream, group] + known)) }
    }

    /// Takes due deliveries, up to a number; if there are no more, also returns how long there is nothing to do.
    func take(_ count: Int) async throws -> (taken: [Taken], next: Duration?) {
        let scored = try await store.redis.send(
            RedisCommand("ZRANGE", [key, "0", String(count - 1), "WITHSCORES"])
        ).pairs
        guard !scored.isEmpty else { return ([], nil) }
        let clock = try await store.serverClock()
        let now = Double(clock.now.milliseconds)
        // No attempt can be later than that: a later one was scheduled before the clock was set back.
        let wait = max(receiver.timing.backoff.most, receiver.timeout + receiver.timing.margin) + ClockStep.most
        let latest = now + Double(wait.milliseconds)
        let due = scored.filter { Double($0.1).map { $0 <= now || $0 > latest } ?? true }
        guard !due.isEmpty else {
            return ([], Timestamp(score: Double(scored[0].1) ?? now) - clock.now + .milliseconds(1))
        }
        let score = String((clock.now + receiver.timeout + receiver.timing.margin).milliseconds)
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
                // Another program has changed the queue: the content of the delivery is unknown.
                store.logger.error(
                    "dropped an invalid entry of a queue of notices",
                    metadata: ["receiver": "\(receiver.label)", "id": "\(id)"])
                try await remove(id)
            }
        }
        return (taken, .zero)
    }

    /// Removes a delivered message.
    func remove(_ id: String) async throws {
        _ = try await commit([Move(member: id, guarded: .not, score: nil, writes: [("HDEL", deadLetters, [id])])])
    }

    /// Removes earlier messages of an alert whose end was delivered: a later attempt would begin it again.
    ///
    /// - Returns: The ids of the removed messages.
    func removeOvertaken(by taken: Taken) async throws -> [String] {
        guard let thread = taken.letter.thread, thread.isEnd else { return [] }
        let waiting = try await store.redis.send(RedisCommand("ZRANGE", [key, "0", String(Self.mostOvertaken)]))
            .elements.compactMap(\.string).filter { $0 != taken.id }
        guard !waiting.isEmpty else { return [] }
        let letters = try await store.redis.pipelineInPieces(
            waiting.map { id in
                var command = RedisCommand("HGET", [deadLetters, id])
                command.replySize = .list
                return command
            })
        var removed: [String] = []
        for (id, text) in zip(waiting, letters) {
            guard let other = Self.thread(of: text.string ?? ""), other.name == thread.name, other.order < thread.order
            else { continue }
            try await remove(id)
            removed.append(id)
        }
        return removed
    }

    private static func thread(of letter: String) -> OutgoingNotice.Thread? {
        do {
            return try JSONDecoder().decode(Letter.self, from: Data(letter.utf8)).thread
        } catch {
            // Taking it reports that it is damaged.
            return nil
        }
    }

    /// Schedules the next attempt after a failure.
    func postpone(_ taken: Taken, by wait: Duration) async throws {
        let score = String((taken.clock.now + wait).milliseconds)
        let write = ("HSET", deadLetters, [taken.id, try Self.text(taken.letter)])
        _ = try await commit([Move(member: taken.id, guarded: .score(taken.score), score: score, writes: [write])])
    }

    /// Moves a failed delivery to the dead letters.
    func deadLetter(_ taken: Taken) async throws {
        let letter = DeadLetter(
            id: taken.id, atMs: taken.clock.now.milliseconds, tries: taken.letter.tries,
            error: taken.letter.error ?? "", to: taken.letter.to, body: taken.letter.body)
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

/// A failed delivery as stored in the list.
package struct DeadLetter: Codable, Sendable, Equatable {
    /// The id of the message.
    package var id: String
    /// When it was moved to the list.
    package var atMs: Int64
    /// The number of failed attempts.
    package var tries: Int
    /// The error of the last attempt.
    package var error: String
    /// The address that a mail goes to.
    package var to: String?
    /// The content.
    package var body: String

    private enum CodingKeys: String, CodingKey {
        case id, atMs = "at_ms", tries, error, to, body
    }
}

extension NoticeReceiver {
    /// Sorted set: message → the time of the next attempt.
    func queue(_ keys: Keys) -> String {
        switch self {
        case .webhook(let webhook): keys.webhook(webhook.name)
        case .mail: keys.mail
        }
    }

    /// Hash: message → its content.
    func letters(_ keys: Keys) -> String {
        switch self {
        case .webhook(let webhook): keys.webhookLetters(webhook.name)
        case .mail: keys.mailLetters
        }
    }

    /// List of the failed messages.
    func dead(_ keys: Keys) -> String {
        switch self {
        case .webhook(let webhook): keys.webhookDead(webhook.name)
        case .mail: keys.mailDead
        }
    }
}

extension NoticeQueue {
    /// One step of one delivery.
    private struct Move {
        /// The condition of the step.
        enum Condition {
            /// None.
            case not
            /// It isn't on the queue.
            case isNew
            /// No instance has taken it since its score was read.
            case score(String)
        }

        let member: String
        let guarded: Condition
        /// The new score; nil to remove it from the queue.
        let score: String?
        var writes: [(command: String, key: String, arguments: [String])] = []
    }

    private func commit(_ moves: [Move]) async throws -> [CommitCall.Outcome] {
        guard !moves.isEmpty else { return [] }
        var call = CommitCall(lease: nil, index: key, shared: [key])
        for move in moves {
            var sink = StatementSink(index: move.score == nil ? .remove : .score)
            append(move, &sink)
            _ = call.append(.new(sink.statement), member: move.member, score: move.score) { append(move, &$0) }
        }
        let outcomes = try call.outcomes(of: try await store.functions.call(call.command()))
        for case .refused(let why) in outcomes { throw CurfewError(.server, "\(key): \(why)") }
        return outcomes
    }

    private func append(_ move: Move, _ sink: inout some CommitSink) {
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

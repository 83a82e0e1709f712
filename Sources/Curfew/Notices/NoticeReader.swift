internal import Logging
internal import Policies
internal import RedisClient

/// Reads the streams for a receiver and adds its messages to the queue.
///
/// All instances read as one consumer group, so each entry is delivered to one of them. It stays pending until it is on
/// the queue. Entries of a dead instance are claimed by another one at its next heartbeat.
struct NoticeReader: Sendable {
    /// How many entries are read at once.
    ///
    /// There is one event per change, and most aren't for a receiver.
    static let page = 500
    /// About how many bytes of messages are added to the queue at once.
    static let mostBytes = 1 << 20
    /// How many entries of dead instances are claimed at once.
    static let mostClaimed = 100
    /// A consumer without pending entries that was idle for this long belongs to an instance that is gone.
    static let forgottenAfter = Duration.seconds(86_400)

    let queue: NoticeQueue
    /// The name under which this instance reads.
    let consumer: String
    /// The prefix of the stream names in what is sent.
    let prefix: String
    /// How often it takes over what dead instances left.
    let heartbeat: Duration
    /// A separate connection for blocking reads.
    let blocking: RedisClient
    /// Called when the queue has a new entry.
    let added: @Sendable () -> Void

    /// The consumer group of a webhook.
    static func group(of name: String) -> String { "curfew:webhook:" + name }
    /// The consumer group of mail.
    static let mailGroup = "curfew:mail"

    /// The consumer group of a receiver.
    static func group(of receiver: NoticeReceiver) -> String {
        switch receiver {
        case .webhook(let webhook): group(of: webhook.name)
        case .mail: mailGroup
        }
    }

    private var store: Store { queue.store }
    private var receiver: NoticeReceiver { queue.receiver }
    private var group: String { Self.group(of: receiver) }
    private var streams: [Webhook.Subject.Stream] { receiver.terms.streams }
    private func key(_ stream: Webhook.Subject.Stream) -> String { stream.key(store.keys) }

    /// Where a new consumer group starts: at the end of the stream the first time; after the group was deleted by
    /// someone, where reading was.
    private struct Position {
        var started: String?
        var seen: [Webhook.Subject.Stream: String] = [:]

        func start(of stream: Webhook.Subject.Stream) -> String { seen[stream] ?? started ?? "$" }
    }

    /// Reads until the task is cancelled.
    func run() async {
        var position = Position()
        var retries = Retries(Backoff(factor: 2, most: heartbeat))
        var isKnown = false
        while !Task.isCancelled {
            let started = ContinuousClock.now
            do {
                try await makeGroups(position)
                if position.started == nil {
                    position.started = "\(try await store.serverClock().now.milliseconds)-0"
                    try await forgetConsumers()
                }
                try await read(&position)
            } catch {
                guard !Task.isCancelled else { return }
                // After a period without errors, a failure is news and may be retried soon.
                if started.duration(to: .now) > heartbeat {
                    retries.succeeded()
                    isKnown = false
                }
                store.logger.log(
                    level: isKnown ? .debug : .warning, "the streams of a receiver of notices can't be read",
                    metadata: ["receiver": "\(receiver.label)", "error": "\(error)"])
                isKnown = true
            }
            await rest(for: retries.failed())
        }
    }

    /// Reads page after page, and takes over entries of dead instances with every heartbeat.
    private func read(_ position: inout Position) async throws {
        var tended: ContinuousClock.Instant?
        while !Task.isCancelled {
            if tended.map({ $0.duration(to: .now) >= heartbeat * 0.9 }) ?? true {
                try await claim()
                tended = .now
            }
            if try await queue.isFull() {
                // The queue is full: in the meantime the streams keep new entries, within their retention.
                await rest(for: heartbeat)
                continue
            }
            var command = RedisCommand(
                "XREADGROUP",
                [
                    "GROUP", group, consumer, "COUNT", String(Self.page), "BLOCK",
                    String(heartbeat.milliseconds), "STREAMS",
                ] + streams.map(key) + streams.map { _ in ">" })
            command.replySize = .list
            let reply: RedisValue
            do {
                reply = try await blocking.send(command, deadline: heartbeat + blocking.configuration.commandDeadline)
            } catch {
                guard error.isTooLarge else { throw error }
                try await readOwn()
                continue
            }
            for page in reply.elements {
                guard let stream = streams.first(where: { key($0) == page[0].string }) else { continue }
                let entries = page[1].elements.map(StreamEntry.init)
                try await accept(entries, of: stream)
                position.seen[stream] = entries.last?.id
            }
        }
    }

    private func rest(for duration: Duration) async {
        do {
            try await Task.sleep(for: duration)
        } catch {
            // Cancelled: the loop checks that next.
        }
    }

    /// Adds the messages for this receiver to the queue, and acknowledges the entries that aren't for it.
    private func accept(_ entries: [StreamEntry], of stream: Webhook.Subject.Stream) async throws {
        let notices = entries.compactMap { receiver.terms.notice($0, of: stream, prefix: prefix) }
        let messages = try NoticeLetters(receiver: receiver).messages(of: notices)
        let wanted = Set(messages.flatMap(\.acknowledged))
        let others = entries.map(\.id).filter { !wanted.contains($0) }
        if !others.isEmpty { try await store.redis.send(RedisCommand("XACK", [key(stream), group] + others)) }
        for part in Self.parts(of: messages) { try await queue.add(part, from: key(stream), group: group) }
        if !messages.isEmpty { added() }
    }

    /// A whole page of messages is too large for one commit.
    private static func parts(of messages: [OutgoingNotice]) -> [[OutgoingNotice]] {
        var parts: [[OutgoingNotice]] = []
        var bytes = 0
        for message in messages {
            bytes += message.body.utf8.count
            if let last = parts.last, last.count < 50, bytes <= mostBytes {
                parts[parts.count - 1].append(message)
            } else {
                parts.append([message])
                bytes = message.body.utf8.count
            }
        }
        return parts
    }

    /// Takes over entries that dead instances had read but not added to the queue.
    private func claim() async throws {
        for stream in streams {
            let idle = String(receiver.timing.takeOver.milliseconds)
            var command = RedisCommand(
                "XAUTOCLAIM",
                [key(stream), group, consumer, idle, "0-0", "COUNT", String(Self.mostClaimed)])
            command.replySize = .list
            do {
                try await accept(try await store.redis.send(command)[1].elements.map(StreamEntry.init), of: stream)
            } catch let error as RedisError where error.isTooLarge {
                try await readOwn()
            }
        }
    }

    /// Reads the entries assigned to this instance in smaller parts, after a reply that was too large.
    private func readOwn() async throws {
        for stream in streams {
            var count = Self.page
            while !Task.isCancelled {
                var command = RedisCommand(
                    "XREADGROUP",
                    ["GROUP", group, consumer, "COUNT", String(count), "STREAMS", key(stream), "0"])
                command.replySize = count > 1 ? .list : .usual
                do {
                    let entries = try await store.redis.send(command)[0][1].elements.map(StreamEntry.init)
                    if entries.isEmpty { break }
                    try await accept(entries, of: stream)
                } catch let error as RedisError where error.isTooLarge {
                    if count == 1 { try await skipUnreadable(stream) }
                    count = max(1, count / 2)
                }
            }
        }
    }

    /// Acknowledges the first entry of this instance, which is too large to be read.
    private func skipUnreadable(_ stream: Webhook.Subject.Stream) async throws {
        let pending = try await store.redis.send(
            RedisCommand("XPENDING", [key(stream), group, "-", "+", "1", consumer]))
        guard let id = pending[0][0].string else { return }
        store.logger.error(
            "an entry of a stream is too large to be sent",
            metadata: ["receiver": "\(receiver.label)", "stream": "\(key(stream))", "entry": "\(id)"])
        try await store.redis.send(RedisCommand("XACK", [key(stream), group, id]))
    }

    private func makeGroups(_ position: Position) async throws {
        for stream in streams {
            let start = position.start(of: stream)
            do {
                try await store.redis.send(RedisCommand("XGROUP", ["CREATE", key(stream), group, start, "MKSTREAM"]))
            } catch {
                // The group exists, except the first time.
                guard error.server?.code == "BUSYGROUP" else { throw error }
            }
        }
    }

    /// Deletes consumers of past processes: every process has its own name, so the list would grow with every restart.
    private func forgetConsumers() async throws {
        for stream in streams {
            let consumers = try await store.redis.send(RedisCommand("XINFO", ["CONSUMERS", key(stream), group]))
            for consumer in consumers.elements.prefix(1_000) {
                let facts = consumer.texts
                guard let name = facts["name"], Self.isForgotten(facts, by: self.consumer) else { continue }
                try await store.redis.send(RedisCommand("XGROUP", ["DELCONSUMER", key(stream), group, name]))
            }
        }
    }

    /// Whether a consumer with these facts is no longer needed.
    static func isForgotten(_ facts: [String: String], by instance: String) -> Bool {
        let idle = facts["idle"].flatMap { Int64($0) } ?? 0
        return facts["pending"] == "0" && facts["name"] != instance && idle > forgottenAfter.milliseconds
    }
}

internal import Algorithms
internal import Logging
internal import Policies
internal import RedisClient

/// Reads the streams for a webhook and adds its entries to the queue.
///
/// All instances read as one consumer group, so each entry is delivered to one of them. It stays pending until it is on
/// the queue. Entries of a dead instance are claimed by another one at its next heartbeat.
struct WebhookReader: Sendable {
    /// How many entries are read at once.
    ///
    /// There is one event per change, and most aren't for a webhook.
    static let page = 500
    /// How many entries of dead instances are claimed at once.
    static let mostClaimed = 100
    /// A consumer without pending entries that was idle for this long belongs to an instance that is gone.
    static let forgottenAfter = Duration.seconds(86_400)

    let queue: WebhookQueue
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

    private var store: Store { queue.store }
    private var webhook: Webhook { queue.webhook }
    private var group: String { Self.group(of: webhook.name) }
    private var streams: [Webhook.Subject.Stream] { webhook.subjects.map(\.stream) }
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
                    level: isKnown ? .debug : .warning, "a webhook's streams can't be read",
                    metadata: ["webhook": "\(webhook.name)", "error": "\(error)"])
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

    /// Adds the entries for this webhook to the queue, and acknowledges the others.
    private func accept(_ entries: [StreamEntry], of stream: Webhook.Subject.Stream) async throws {
        let name = "\(prefix):\(stream.rawValue)"
        guard let subject = webhook.subjects.first(where: { $0.stream == stream }) else { return }
        let wanted = try entries.filter(subject.includes).map { entry in
            let payload = WebhookPayload(entry, of: name, subject: subject, to: webhook)
            return (id: payload.id, body: try payload.text(), entry: entry.id)
        }
        let others = entries.filter { !subject.includes($0) }.map(\.id)
        if !others.isEmpty { try await store.redis.send(RedisCommand("XACK", [key(stream), group] + others)) }
        // If a whole page of events is for the webhook, it is too large for one commit.
        for part in wanted.chunks(ofCount: 50) {
            try await queue.add(Array(part), from: key(stream), group: group)
        }
        if !wanted.isEmpty { added() }
    }

    /// Takes over entries that dead instances had read but not added to the queue.
    private func claim() async throws {
        for stream in streams {
            let idle = String(webhook.timing.takeOver.milliseconds)
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
            "an entry of a stream is too large to be sent to a webhook",
            metadata: ["webhook": "\(webhook.name)", "stream": "\(key(stream))", "entry": "\(id)"])
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

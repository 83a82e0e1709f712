internal import Algorithms
internal import Logging
internal import Policies
internal import RedisClient

/// Takes what a webhook is to be told of from the streams, and puts it on its queue.
///
/// All instances read as one consumer group, so each entry comes to one of them. It stays pending for the moment until it
/// is on the queue; what an instance had read when it died is claimed by another, with its next heartbeat.
struct WebhookReader: Sendable {
    /// The most entries read at once.
    ///
    /// Events come one for each change, and are mostly not for a webhook.
    static let page = 500
    /// The most entries claimed from dead instances at once.
    static let mostClaimed = 100
    /// A consumer without pending entries that wasn't heard of for so long is one of an instance that has gone.
    static let forgottenAfter = Duration.seconds(86_400)

    let queue: WebhookQueue
    /// The name under which this instance reads.
    let consumer: String
    /// The word before the names of the streams in what is sent.
    let prefix: String
    /// How often it looks after what dead instances left.
    let heartbeat: Duration
    /// A connection of its own, on which it waits for entries.
    let blocking: RedisClient
    /// Called when something new is on the queue.
    let added: @Sendable () -> Void

    /// The name of the consumer group of a webhook.
    static func group(of name: String) -> String { "curfew:webhook:" + name }

    private var store: Store { queue.store }
    private var webhook: Webhook { queue.webhook }
    private var group: String { Self.group(of: webhook.name) }
    private var streams: [Webhook.Subject.Stream] { webhook.subjects.map(\.stream) }
    private func key(_ stream: Webhook.Subject.Stream) -> String { stream.key(store.keys) }

    /// Where reading begins where a group has to be made: at the end of the stream the first time, and after that, when
    /// somebody has removed it, where reading was.
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
            let begun = ContinuousClock.now
            do {
                try await makeGroups(position)
                if position.started == nil {
                    position.started = "\(try await store.serverClock().now.milliseconds)-0"
                    try await forgetConsumers()
                }
                try await read(&position)
            } catch {
                guard !Task.isCancelled else { return }
                // What went well for a while is news when it fails, and may be tried again soon.
                if begun.duration(to: .now) > heartbeat {
                    retries.succeeded()
                    isKnown = false
                }
                store.logger.log(
                    level: isKnown ? .debug : .warning, "a webhook's streams could not be read",
                    metadata: ["webhook": "\(webhook.name)", "error": "\(error)"])
                isKnown = true
            }
            await rest(for: retries.failed())
        }
    }

    /// Reads page after page, and looks after what dead instances left with every heartbeat.
    private func read(_ position: inout Position) async throws {
        var tended: ContinuousClock.Instant?
        while !Task.isCancelled {
            if tended.map({ $0.duration(to: .now) >= heartbeat * 0.9 }) ?? true {
                try await claim()
                tended = .now
            }
            if try await queue.isFull() {
                // The streams hold what comes meanwhile, for as long as they hold anything.
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
            // Cancelled: whoever loops asks for it next.
        }
    }

    /// Puts entries that it is to be told of on the queue, and acknowledges the others.
    private func accept(_ entries: [StreamEntry], of stream: Webhook.Subject.Stream) async throws {
        let name = "\(prefix):\(stream.rawValue)"
        guard let subject = webhook.subjects.first(where: { $0.stream == stream }) else { return }
        let wanted = try entries.filter(subject.includes).map { entry in
            let payload = WebhookPayload(entry, of: name, subject: subject, to: webhook)
            return (id: payload.id, body: try payload.text(), entry: entry.id)
        }
        let others = entries.filter { !subject.includes($0) }.map(\.id)
        if !others.isEmpty { try await store.redis.send(RedisCommand("XACK", [key(stream), group] + others)) }
        // A page of events that are all wanted would be too much for one commit.
        for part in wanted.chunks(ofCount: 50) {
            try await queue.add(Array(part), from: key(stream), group: group)
        }
        if !wanted.isEmpty { added() }
    }

    /// Takes over what instances had read that didn't live to put it on the queue.
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

    /// Reads in smaller pieces what was given to this instance in a reply that was too large to be read.
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
                    if count == 1 { try await passOver(stream) }
                    count = max(1, count / 2)
                }
            }
        }
    }

    /// Acknowledges the first entry of this instance's, which can't be read at all.
    private func passOver(_ stream: Webhook.Subject.Stream) async throws {
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
                // It is there already every time but the first.
                guard error.server?.code == "BUSYGROUP" else { throw error }
            }
        }
    }

    /// Every process has a name of its own, so the list of consumers would grow with every restart.
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

    /// Whether a consumer of whom this is known is one that nobody needs any more.
    static func isForgotten(_ facts: [String: String], by instance: String) -> Bool {
        let idle = facts["idle"].flatMap { Int64($0) } ?? 0
        return facts["pending"] == "0" && facts["name"] != instance && idle > forgottenAfter.milliseconds
    }
}

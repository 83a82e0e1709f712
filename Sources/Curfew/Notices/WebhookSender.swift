internal import Logging
internal import Policies
internal import RedisClient
internal import Synchronization

/// Tells one webhook what happens: reads the streams, attempts what is due, and writes down what became of it.
///
/// Nothing waits for it, neither a run nor the worker's loop. It doesn't poll: it looks at the queue when something was
/// put there, when an attempt has ended, when the next one is due, and with every heartbeat, because another instance
/// may have died over one.
final class WebhookSender: Sendable {
    /// The most attempts under way at once.
    static let mostAttempts = 4

    private struct State {
        var attempts = 0
        var isStopping = false
    }

    private let queue: WebhookQueue
    private let consumer: String
    private let prefix: String
    private let heartbeat: Duration
    private let wakeUp = AsyncSignal()
    private let state = Mutex(State())

    /// Makes the sender of a webhook.
    ///
    /// - Parameters:
    ///   - consumer: the name under which this instance reads.
    ///   - prefix: the word before the names of the streams in what is sent.
    ///   - heartbeat: the longest time between two looks at the queue.
    init(_ webhook: Webhook, store: Store, consumer: String, prefix: String, heartbeat: Duration) {
        queue = WebhookQueue(store: store, webhook: webhook)
        self.consumer = consumer
        self.prefix = prefix
        self.heartbeat = heartbeat
    }

    private var store: Store { queue.store }
    private var webhook: Webhook { queue.webhook }

    /// Delivers until it is stopped; attempts under way then have a few seconds.
    ///
    /// What isn't through by then is attempted again by another instance.
    func run() async {
        await WebCaller.withCaller(logger: store.logger) { caller in
            await withDiscardingTaskGroup { group in
                await readAndSend { taken in
                    group.addTask { await self.attempt(taken, caller) }
                }
                await finishAttempts()
                group.cancelAll()
            }
        }
    }

    /// Takes nothing more.
    func stop() {
        state.withLock { $0.isStopping = true }
        wakeUp.send()
    }

    private func readAndSend(start: (WebhookQueue.Taken) -> Void) async {
        // Ends, with the loop, when this scope does.
        async let _: Void = read()
        await loop(start: start)
    }

    /// Reads the streams on a connection of its own: a command that waits would hold up all others on a shared one.
    private func read() async {
        let client = RedisClient(store.redis.configuration, logger: store.logger)
        let reader = WebhookReader(
            queue: queue, consumer: consumer, prefix: prefix, heartbeat: heartbeat, blocking: client
        ) {
            self.wakeUp.send()
        }
        await withDiscardingTaskGroup { group in
            group.addImmediateTask {
                do {
                    try await client.run()
                } catch {
                    self.store.logger.debug("the connection of a webhook ended", metadata: ["error": "\(error)"])
                }
            }
            await reader.run()
            group.cancelAll()
        }
    }

    private func loop(start: (WebhookQueue.Taken) -> Void) async {
        var retries = Retries(Backoff(factor: 2, most: .seconds(5)))
        var isKnown = false
        while !state.withLock(\.isStopping), !Task.isCancelled {
            let free = Self.mostAttempts - state.withLock(\.attempts)
            guard free > 0 else {
                await wakeUp.wait(atMost: heartbeat)
                continue
            }
            do {
                let (taken, next) = try await queue.take(free)
                for item in taken {
                    state.withLock { $0.attempts += 1 }
                    start(item)
                }
                retries.succeeded()
                isKnown = false
                if next != .zero { await wakeUp.wait(atMost: min(next ?? heartbeat, heartbeat)) }
            } catch {
                store.logger.log(
                    level: isKnown ? .debug : .warning, "a webhook's queue could not be read",
                    metadata: ["webhook": "\(webhook.name)", "error": "\(error)"])
                isKnown = true
                await wakeUp.wait(atMost: retries.failed())
            }
        }
    }

    private func finishAttempts() async {
        let end = ContinuousClock.now.advanced(by: webhook.timing.grace)
        while state.withLock(\.attempts) > 0, .now < end, !Task.isCancelled {
            await wakeUp.wait(atMost: ContinuousClock.now.duration(to: end))
        }
    }

    private func attempt(_ taken: WebhookQueue.Taken, _ caller: WebCaller) async {
        let seconds = taken.clock.now.milliseconds / 1000
        // Signed and sent are the bytes that were put into words.
        let body = taken.letter.body.readable
        var headers = [("curfew-id", taken.id), ("curfew-timestamp", String(seconds))]
        if let secret = webhook.secret {
            headers.append(("curfew-signature", WebhookPayload.signature(of: body, at: seconds, secret: secret)))
        }
        let outcome = await caller.post(body, headers: headers, to: webhook.address, timeout: webhook.timeout)
        // A cancelled attempt has no outcome: the delivery's time runs out, and another instance attempts it.
        if !Task.isCancelled { await record(outcome, of: taken) }
        state.withLock { $0.attempts -= 1 }
        wakeUp.send()
    }

    private func record(_ outcome: WebCaller.Outcome, of taken: WebhookQueue.Taken) async {
        var taken = taken
        do {
            switch outcome {
            case .accepted: return try await queue.remove(taken.id)
            case .gone: taken.letter.error = "answered 410: the address is gone for good"
            case .failed(let why): taken.letter.error = why
            }
            taken.letter.tries = max(0, min(taken.letter.tries, webhook.tries)) + 1
            let isLast = outcome == .gone || taken.letter.tries >= webhook.tries
            log(taken, isLast: isLast)
            if isLast { return try await queue.deadLetter(taken) }
            let wait = webhook.timing.backoff.delay(failures: taken.letter.tries)
            try await queue.postpone(taken, by: wait)
        } catch {
            // Nothing is lost: the delivery's time runs out, and it is attempted again.
            store.logger.warning(
                "what became of a delivery could not be written down",
                metadata: ["webhook": "\(webhook.name)", "id": "\(taken.id)", "error": "\(error)"])
        }
    }

    private func log(_ taken: WebhookQueue.Taken, isLast: Bool) {
        store.logger.log(
            level: isLast ? .error : taken.letter.tries == 1 ? .warning : .info,
            isLast ? "a webhook was not delivered, and is given up" : "a webhook was not delivered, and is tried again",
            metadata: [
                "webhook": "\(webhook.name)", "host": "\(webhook.address.host)", "id": "\(taken.id)",
                "tries": "\(taken.letter.tries)", "error": "\(taken.letter.error ?? "")",
            ])
    }
}

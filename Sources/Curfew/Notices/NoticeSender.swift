internal import Logging
internal import Policies
internal import RedisClient
internal import Synchronization

/// Delivers to one receiver of notices: reads the streams, makes due attempts, and records their results.
///
/// Neither runs nor the worker's loop wait for it. It doesn't poll: it checks the queue when an entry was added, when
/// an attempt has ended, when the next one is due, and with every heartbeat, because another instance may have died
/// during an attempt.
final class NoticeSender: Sendable {
    private struct State {
        var attempts = 0
        var isStopping = false
    }

    private let queue: NoticeQueue
    private let consumer: String
    private let prefix: String
    private let heartbeat: Duration
    private let wakeUp = AsyncSignal()
    private let state = Mutex(State())

    /// Creates the sender of a receiver.
    ///
    /// - Parameters:
    ///   - consumer: the name under which this instance reads.
    ///   - prefix: the prefix of the stream names in what is sent.
    ///   - heartbeat: the longest time between two reads of the queue.
    init(_ receiver: NoticeReceiver, store: Store, consumer: String, prefix: String, heartbeat: Duration) {
        queue = NoticeQueue(store: store, receiver: receiver)
        self.consumer = consumer
        self.prefix = prefix
        self.heartbeat = heartbeat
    }

    private var store: Store { queue.store }
    private var receiver: NoticeReceiver { queue.receiver }

    /// Delivers until it is stopped; running attempts then have a few seconds.
    ///
    /// An attempt that doesn't end in time is repeated by another instance.
    func run() async {
        await WebCaller.withCaller(logger: store.logger) { caller in
            let courier = NoticeCourier(receiver: receiver, caller: caller)
            await withDiscardingTaskGroup { group in
                await readAndSend { taken in
                    group.addTask { await self.attempt(taken, courier) }
                }
                await finishAttempts()
                group.cancelAll()
            }
        }
    }

    /// Takes no more deliveries.
    func stop() {
        state.withLock { $0.isStopping = true }
        wakeUp.send()
    }

    private func readAndSend(start: (NoticeQueue.Taken) -> Void) async {
        // Ends, together with the loop, when this scope does.
        async let _: Void = read()
        await loop(start: start)
    }

    /// Reads the streams on a separate connection: a blocking command would delay all others on a shared one.
    private func read() async {
        let client = RedisClient(store.redis.configuration, logger: store.logger)
        let reader = NoticeReader(
            queue: queue, consumer: consumer, prefix: prefix, heartbeat: heartbeat, blocking: client
        ) {
            self.wakeUp.send()
        }
        await withDiscardingTaskGroup { group in
            group.addImmediateTask {
                do {
                    try await client.run()
                } catch {
                    self.store.logger.debug(
                        "the connection of a receiver of notices ended", metadata: ["error": "\(error)"])
                }
            }
            await reader.run()
            group.cancelAll()
        }
    }

    private func loop(start: (NoticeQueue.Taken) -> Void) async {
        var retries = Retries(Backoff(factor: 2, most: .seconds(5)))
        var isKnown = false
        while !state.withLock(\.isStopping), !Task.isCancelled {
            let free = NoticeCourier.mostAttempts(to: receiver) - state.withLock(\.attempts)
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
                    level: isKnown ? .debug : .warning, "a queue of notices can't be read",
                    metadata: ["receiver": "\(receiver.label)", "error": "\(error)"])
                isKnown = true
                await wakeUp.wait(atMost: retries.failed())
            }
        }
    }

    private func finishAttempts() async {
        let end = ContinuousClock.now.advanced(by: receiver.timing.grace)
        while state.withLock(\.attempts) > 0, .now < end, !Task.isCancelled {
            await wakeUp.wait(atMost: ContinuousClock.now.duration(to: end))
        }
    }

    private func attempt(_ taken: NoticeQueue.Taken, _ courier: NoticeCourier) async {
        let outcome = await courier.deliver(taken.letter, id: taken.id, now: taken.clock.now)
        // A cancelled attempt has no result: the delivery times out, and another instance repeats it.
        if !Task.isCancelled { await record(outcome, of: taken) }
        state.withLock { $0.attempts -= 1 }
        wakeUp.send()
    }

    private func record(_ outcome: DeliveryOutcome, of taken: NoticeQueue.Taken) async {
        var taken = taken
        var isLast = false
        do {
            switch outcome {
            case .accepted:
                let overtaken = try await queue.removeOvertaken(by: taken)
                try await queue.remove(taken.id)
                for id in overtaken {
                    store.logger.info(
                        "an alert that has ended is not sent any more",
                        metadata: ["receiver": "\(receiver.label)", "id": "\(id)"])
                }
                return
            case .lost(let why):
                taken.letter.error = why
                isLast = true
            case .failed(let why): taken.letter.error = why
            }
            taken.letter.tries = max(0, min(taken.letter.tries, receiver.tries)) + 1
            isLast = isLast || taken.letter.tries >= receiver.tries
            log(taken, isLast: isLast)
            if isLast { return try await queue.deadLetter(taken) }
            let wait = receiver.timing.backoff.delay(failures: taken.letter.tries)
            try await queue.postpone(taken, by: wait)
        } catch {
            // Nothing is lost: the delivery times out and is attempted again.
            store.logger.warning(
                "the result of a delivery was not recorded",
                metadata: ["receiver": "\(receiver.label)", "id": "\(taken.id)", "error": "\(error)"])
        }
    }

    private func log(_ taken: NoticeQueue.Taken, isLast: Bool) {
        store.logger.log(
            level: isLast ? .error : taken.letter.tries == 1 ? .warning : .info,
            "a \(receiver.kind) delivery failed\(isLast ? " for good" : " and will be retried")",
            metadata: [
                "\(receiver.kind)": "\(receiver.name)", "host": "\(receiver.host)", "id": "\(taken.id)",
                "tries": .stringConvertible(taken.letter.tries), "error": "\(taken.letter.error ?? "")",
            ])
    }
}

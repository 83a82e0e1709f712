internal import Logging
internal import Policies
internal import RedisClient
internal import ServiceLifecycle
internal import Synchronization

/// One instance: looks at the schedule, runs what it can claim, sleeps until there is something to do.
///
/// It doesn't poll. A tick tells how long there is nothing to do; the sleep ends early when a run of its own ends, when
/// another instance hands a cleanup over (a message on the wake channel), or at shutdown. An idle instance therefore
/// sends one command per heartbeat. A tick that fails is tried again after a pause; the connection looks after itself.
package final class Worker: Service {
    private struct State {
        var running: [String: RunControl] = [:]
        var isStopping = false
    }

    private let engine: Engine
    private let senders: [WebhookSender]
    private let indexer: Indexer
    private let alarm = Alarm()
    private let state = Mutex(State())

    /// Makes the worker of an engine.
    package init(engine: Engine) {
        self.engine = engine
        indexer = Indexer(engine: engine)
        senders = engine.configuration.webhooks.map { WebhookSender(engine: engine, webhook: $0) }
    }

    /// Works until a graceful shutdown: then it claims nothing more, lets every run finish its page and give back its
    /// lease, and returns.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                // Ends, with the loop, when this scope does.
                async let _: Void = listen()
                for sender in senders { group.addTask { await sender.run() } }
                group.addTask { await self.indexer.run() }
                await loop { run in
                    group.addTask { await self.execute(run) }
                }
            }
            await leave()
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    /// Stops claiming, and asks every run to hand over.
    package func stop() {
        let runs = state.withLock { state in
            state.isStopping = true
            return Array(state.running.values)
        }
        for run in runs { run.stop(.handedOver) }
        indexer.stop()
        for sender in senders { sender.stop() }
        alarm.ring()
    }

    private func loop(start: (Run) -> Void) async {
        var clock: ServerClock?
        var started: Timestamp?
        var roundTrip: Duration = .zero
        var lastBeat: ContinuousClock.Instant?
        var pause: Duration = .milliseconds(100)
        var watch = OverdueWatch(engine: engine)
        while !state.withLock(\.isStopping) {
            do {
                if clock == nil { clock = try await engine.serverClock() }
                guard let known = clock else { continue }
                let isBeatDue = lastBeat.map { $0.duration(to: .now) >= engine.coordinator.heartbeat * 0.9 } ?? true
                let running = state.withLock { $0.running.keys.sorted() }
                let beat = Coordinator.Beat(running: running, roundTrip: roundTrip, started: started ?? known.now)
                let answer = try await engine.coordinator.tick(
                    beat: isBeatDue ? beat : nil, places: engine.configuration.worker.concurrency - running.count,
                    clock: known)
                clock = answer.clock
                roundTrip = answer.roundTrip
                if isBeatDue { lastBeat = .now }
                // What was claimed is begun before anything else can fail: a claim that nobody runs is in everybody's way.
                var run: Run?
                if case .claimed(let claim) = answer.outcome { run = accept(claim, answer.clock) }
                if let run { start(run) }
                // The library may be older than this program, or may have been replaced by an older one.
                if answer.version < FunctionLibrary.version { try await engine.library.load() }
                if started == nil { try await begin(&started, answer) }
                try await watch.look(at: answer)
                pause = .milliseconds(100)
                if run == nil { await alarm.wait(for: answer.sleep) }
            } catch {
                engine.logger.error("the schedule could not be read", metadata: ["error": "\(error)"])
                await alarm.wait(for: pause)
                pause = min(pause * 2, .seconds(5))
            }
        }
    }

    /// The first answer: alerts may be new.
    private func begin(_ started: inout Timestamp?, _ answer: TickAnswer) async throws {
        try await Alerts(engine: engine).publishDefinitions(now: answer.clock.now)
        started = answer.clock.now
        engine.logger.info("worker ready", metadata: ["instance": "\(engine.instance.id)"])
    }

    private func accept(_ claim: Claim, _ clock: ServerClock) -> Run? {
        guard let cleanup = engine.configuration.cleanup(named: claim.cleanup) else { return nil }
        let run = Run(engine: engine, cleanup: cleanup, claim: claim, clock: clock)
        let isStopping = state.withLock { state in
            state.running[claim.cleanup] = run.control
            return state.isStopping
        }
        // Claimed while the shutdown began: it is given back by a run that stops at its first checkpoint.
        if isStopping { run.control.stop(.handedOver) }
        engine.logger.info(
            "run claimed", metadata: ["run": "\(claim.run)", "replaces": "\(claim.replaces ?? "none")"])
        return run
    }

    private func execute(_ run: Run) async {
        let result = await run.execute()
        state.withLock { state in
            // A run that lost its lease may end after its successor, which can be on this instance too, has begun.
            guard state.running[run.cleanup.name] === run.control else { return }
            state.running[run.cleanup.name] = nil
        }
        alarm.ring()
        // The run is over by now, and its place free: an address that doesn't answer delays nothing but a shutdown.
        await Ping(of: run.cleanup, logger: engine.logger).send(after: result) { self.state.withLock(\.isStopping) }
    }

    /// Waits for other instances' messages.
    ///
    /// Without them the heartbeat finds everything a little later. A server that refuses is asked again with every
    /// heartbeat, because a person may have set it right.
    private func listen() async {
        var isKnown = false
        while !state.withLock(\.isStopping) {
            do {
                return try await engine.redis.subscribe(engine.keys.wake) { messages in
                    isKnown = false
                    for try await message in messages {
                        alarm.ring()
                        indexer.wake(message)
                    }
                }
            } catch is CancellationError {
                return
            } catch {
                let level: Logger.Level = isKnown ? .debug : .warning
                engine.logger.log(
                    level: level, "no wake-ups from other instances: the heartbeat finds work instead",
                    metadata: ["error": "\(error)"])
                isKnown = true
            }
            do {
                try await Task.sleep(for: engine.coordinator.heartbeat)
            } catch {
                return
            }
        }
    }

    private func leave() async {
        do {
            try await engine.coordinator.leave()
        } catch {
            engine.logger.warning("the instance could not sign off", metadata: ["error": "\(error)"])
        }
    }
}

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
        var engine: Engine
        var background: BackgroundTasks
        /// Whether the loop still has to begin with this engine.
        var isNew = true
        var running: [String: RunControl] = [:]
        var isStopping = false
        var trouble: (any Error)?
        /// Whether a run was refused because its name stands for something else.
        var isContested = false
    }

    /// What the loop knows from one tick to the next.
    private struct ActiveRun {
        var clock: ServerClock?
        var started: Timestamp?
        var roundTrip: Duration = .zero
        var lastBeat: ContinuousClock.Instant?
        var watch: OverdueWatch
        /// How the clock of Redis goes on from tick to tick.
        var clockWatch = ClockWatch()
        /// Until when it is looked again what has become of a step of the clock; nil where there was none.
        var shaken: ContinuousClock.Instant?
        /// What stands for something else on others; nil until that was asked under this configuration.
        var refused: [String: Definitions.Conflict]?
        /// What goes by the schedule of a newer configuration that others have.
        var waiting: Set<String> = []
        /// Whether the definitions of the alerts are published.
        var isAnnounced = false

        /// Whether what the names of cleanups stand for is asked again with each heartbeat.
        var isUnsettled: Bool {
            refused?.isEmpty == false || !waiting.isEmpty || shaken.map { $0 > .now } == true
        }

        init(_ engine: Engine) {
            watch = OverdueWatch(engine: engine)
        }

        /// Another configuration is in force: what depends on it is asked for, and told, anew.
        mutating func begin(_ engine: Engine) {
            watch = OverdueWatch(engine: engine)
            lastBeat = nil
            refused = nil
            isAnnounced = false
        }
    }

    private let wakeUp = AsyncSignal()
    private let logger: Logger
    private let state: Mutex<State>

    /// Makes the worker of an engine.
    package init(engine: Engine) {
        logger = engine.logger
        state = Mutex(State(engine: engine, background: BackgroundTasks(engine: engine)))
    }

    /// The engine in force.
    private var engine: Engine { state.withLock { $0.engine } }

    /// Why it can't work at this time: what its last look at the schedule failed with; nil where that went well.
    package var trouble: (any Error)? { state.withLock(\.trouble) }

    /// Works until a graceful shutdown: then it claims nothing more, lets every run finish its page and give back its
    /// lease, and returns.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                // Ends, with the loop, when this scope does.
                async let _: Void = listen()
                await loop { background in
                    group.addTask { await background.run() }
                } start: { run in
                    group.addTask { await self.execute(run) }
                }
            }
            await leave()
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    /// Goes on with another configuration on the same Redis, under the same prefix.
    ///
    /// Runs under way keep the one they began with; everything else follows the new one at once.
    package func reload(with engine: Engine) {
        let background = BackgroundTasks(engine: engine)
        let former = state.withLock { state -> BackgroundTasks? in
            guard !state.isStopping else { return nil }
            defer { (state.engine, state.background, state.isNew) = (engine, background, true) }
            return state.background
        }
        former?.stop()
        wakeUp.send()
    }

    /// Stops claiming, and asks every run to hand over.
    package func stop() {
        let (runs, background) = state.withLock { state in
            state.isStopping = true
            return (Array(state.running.values), state.background)
        }
        for run in runs { run.stop(.handedOver) }
        background.stop()
        wakeUp.send()
    }

    private func loop(attend: (BackgroundTasks) -> Void, start: (Run) -> Void) async {
        var active = ActiveRun(engine)
        var retries = Retries(Backoff(factor: 2, most: .seconds(5)))
        var outage = Outage()
        while !state.withLock(\.isStopping) {
            let (engine, background) = state.withLock { state in
                defer { state.isNew = false }
                return (state.engine, state.isNew ? state.background : nil)
            }
            if let background {
                active.begin(engine)
                attend(background)
            }
            do {
                let sleep = try await tick(engine, &active, start)
                state.withLock { $0.trouble = nil }
                if let count = outage.ended() {
                    logger.info("the schedule can be read again", metadata: ["failures": "\(count)"])
                }
                retries.succeeded()
                if let sleep { await wakeUp.wait(atMost: sleep) }
            } catch {
                if let count = outage.failed(error) {
                    logger.error(
                        "the schedule could not be read", metadata: ["error": "\(error)", "failures": "\(count)"])
                }
                state.withLock { $0.trouble = error }
                await wakeUp.wait(atMost: retries.failed())
            }
        }
    }

    /// Looks at the schedule once, and starts what it could claim.
    ///
    /// Gives back how long there is nothing to do; nil where there may be more at once.
    private func tick(_ engine: Engine, _ active: inout ActiveRun, _ start: (Run) -> Void) async throws -> Duration? {
        let clock = if let clock = active.clock { clock } else { try await engine.serverClock() }
        let isBeatDue = active.lastBeat.map { $0.duration(to: .now) >= engine.coordinator.heartbeat * 0.9 } ?? true
        if active.refused == nil || (isBeatDue && active.isUnsettled) || takeContested() {
            try await settle(&active, clock, engine)
        }
        let running = state.withLock { $0.running.keys.sorted() }
        let refused = Set((active.refused ?? [:]).keys)
        let beat = Coordinator.Beat(
            running: running, refused: refused.sorted(), roundTrip: active.roundTrip,
            started: active.started ?? clock.now)
        // While two readings of the clock don't agree nothing new is begun.
        let places = active.clockWatch.isInDoubt ? 0 : engine.configuration.worker.concurrency - running.count
        let answer = try await engine.coordinator.tick(
            beat: isBeatDue ? beat : nil, places: places, refused: refused, clock: clock)
        let elapsed = active.clock?.age ?? .zero
        active.clock = answer.clock
        active.roundTrip = answer.roundTrip
        if isBeatDue { active.lastBeat = .now }
        let step = active.clockWatch.take(
            answer.clock.reading, at: answer.clock.readAt, within: answer.roundTrip + clock.roundTrip)
        // What was claimed is begun before anything else can fail: a claim that nobody runs is in everybody's way.
        var run: Run?
        if case .claimed(let claim) = answer.outcome { run = accept(claim, answer.clock, step, engine) }
        if let run { start(run) }
        try await look(at: step, &active, elapsed, engine)
        // What answers under our name says that it is something else: it isn't called again before it was replaced.
        if answer.version != FunctionLibrary.version { try await engine.functions.load() }
        if !active.isAnnounced { try await announce(&active, answer, engine) }
        try await active.watch.look(at: answer)
        guard run == nil else { return nil }
        return active.clockWatch.isInDoubt ? min(answer.sleep, .milliseconds(500)) : answer.sleep
    }

    /// Settles what the names of the cleanups stand for, and says what is refused as soon as that is another set.
    private func settle(_ active: inout ActiveRun, _ clock: ServerClock, _ engine: Engine) async throws {
        let settlement = try await Definitions(engine.coordinator).settle(now: clock.now)
        let refused = settlement.refused
        for name in settlement.waiting.subtracting(active.waiting).sorted() {
            logger.notice(
                "a cleanup goes by the schedule of a newer configuration that others have",
                metadata: ["cleanup": "\(name)"])
        }
        active.waiting = settlement.waiting
        for (name, conflict) in refused.sorted(by: { $0.key < $1.key })
        where active.refused?[name]?.description != conflict.description {
            logger.error("a cleanup is refused", metadata: ["cleanup": "\(name)", "error": "\(conflict)"])
        }
        for name in (active.refused ?? [:]).keys.sorted() where refused[name] == nil {
            logger.notice("a cleanup is refused no longer", metadata: ["cleanup": "\(name)"])
        }
        // The others see it at once.
        if active.refused.map({ Set($0.keys) }) ?? [] != Set(refused.keys) { active.lastBeat = nil }
        active.refused = refused
    }

    private func takeContested() -> Bool {
        state.withLock { state in
            defer { state.isContested = false }
            return state.isContested
        }
    }

    /// Tells of a step of the clock, and ends the alert after it.
    private func look(at step: Duration?, _ active: inout ActiveRun, _ elapsed: Duration, _ engine: Engine) async throws
    {
        guard let now = active.clock?.now else { return }
        let alert = ClockAlert(engine: engine)
        if let step {
            active.shaken = .now.advanced(by: ClockStep.shown)
            logger.error(
                "the clock of Redis has stepped",
                metadata: ["step": "\(step < .zero ? "-" : "+")\(ClockStep.text(step))"])
            try await alert.saw(step, at: now, since: elapsed)
        } else if let end = active.shaken, end <= .now {
            active.shaken = try await alert.resolve(at: now) ? nil : .now.advanced(by: ClockStep.shown)
        }
    }

    /// The first answer under a configuration: alerts may be new, and it comes from one node of a cluster alone.
    private func announce(_ active: inout ActiveRun, _ answer: TickAnswer, _ engine: Engine) async throws {
        if engine.redis.isCluster { try await engine.functions.load() }
        try await Alerts(engine: engine).publishDefinitions(now: answer.clock.now)
        // Whoever has seen the clock step may be gone, and the alert is to end all the same.
        if active.shaken == nil, try await ClockAlert.read(from: engine.store).isFiring { active.shaken = .now }
        active.isAnnounced = true
        guard active.started == nil else { return }
        active.started = answer.clock.now
        logger.info("worker ready", metadata: ["instance": "\(engine.instance.id)"])
    }

    private func accept(_ claim: Claim, _ clock: ServerClock, _ step: Duration?, _ engine: Engine) -> Run? {
        guard let cleanup = engine.configuration.cleanup(named: claim.cleanup) else { return nil }
        let run = Run(engine: engine, cleanup: cleanup, claim: claim, clock: clock, step: step)
        let isStopping = state.withLock { state in
            state.running[claim.cleanup] = run.control
            return state.isStopping
        }
        // Claimed while the shutdown began: it is given back by a run that stops at its first checkpoint.
        if isStopping { run.control.stop(.handedOver) }
        logger.info("run claimed", metadata: ["run": "\(claim.run)", "replaces": "\(claim.replaces ?? "none")"])
        return run
    }

    private func execute(_ run: Run) async {
        let result = await run.execute()
        state.withLock { state in
            state.isContested = state.isContested || run.control.isContested
            // A run that lost its lease may end after its successor, which can be on this instance too, has begun.
            guard state.running[run.cleanup.name] === run.control else { return }
            state.running[run.cleanup.name] = nil
        }
        wakeUp.send()
        // The run is over by now, and its place free: an address that doesn't answer delays nothing but a shutdown.
        await Ping(of: run.cleanup, logger: logger).send(after: result) { self.state.withLock(\.isStopping) }
    }

    /// Waits for other instances' messages.
    ///
    /// Without them the heartbeat finds everything a little later. A server that refuses is asked again with every
    /// heartbeat, because a person may have set it right.
    private func listen() async {
        var isKnown = false
        let heartbeat = engine.coordinator.heartbeat
        var retries = Retries(Backoff(first: heartbeat, factor: 1, most: heartbeat))
        while !state.withLock(\.isStopping) {
            do {
                return try await engine.redis.subscribe(engine.keys.wake) { messages in
                    isKnown = false
                    for try await message in messages {
                        wakeUp.send()
                        state.withLock { $0.background }.wake(message)
                    }
                }
            } catch is CancellationError {
                return
            } catch {
                let level: Logger.Level = isKnown ? .debug : .warning
                logger.log(
                    level: level, "no wake-ups from other instances: the heartbeat finds work instead",
                    metadata: ["error": "\(error)"])
                isKnown = true
            }
            do {
                try await Task.sleep(for: retries.failed())
            } catch {
                return
            }
        }
    }

    private func leave() async {
        do {
            try await engine.coordinator.leave()
        } catch {
            logger.warning("the instance could not sign off", metadata: ["error": "\(error)"])
        }
    }
}

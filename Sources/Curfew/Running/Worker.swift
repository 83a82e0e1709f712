internal import Logging
internal import Policies
internal import RedisClient
internal import ServiceLifecycle
internal import Synchronization

/// One instance: reads the schedule, runs what it can claim, and sleeps until there is something to do.
///
/// It doesn't poll. A tick returns how long there is nothing to do; the sleep ends early when one of its runs ends,
/// when another instance hands a cleanup over (a message on the wake channel), or at shutdown. An idle instance
/// therefore sends one command per heartbeat. When a cleanup becomes due or is handed over, the instances look one after
/// the other (``LookOrder``). A failed tick is retried after a delay; the client reconnects by itself.
package final class Worker: Service {
    private struct State {
        var engine: Engine
        var background: BackgroundTasks
        /// Whether the loop has not yet started with this engine.
        var isNew = true
        var running: [String: RunControl] = [:]
        var isStopping = false
        var trouble: (any Error)?
        /// Whether a run was refused because other instances use its name for other records.
        var isContested = false
        /// The registration that it has said that it lives with.
        var registration: Registration?
        /// Whether there is a reason for a tick before its time.
        var isTickDue = false
        /// The cleanups that messages have named.
        var heard: Set<String> = []
    }

    private let wakeUp = AsyncSignal()
    private let logger: Logger
    private let state: Mutex<State>

    /// Creates the worker of an engine.
    package init(engine: Engine) {
        logger = engine.logger
        state = Mutex(State(engine: engine, background: BackgroundTasks(engine: engine)))
    }

    /// The current engine.
    private var engine: Engine { state.withLock { $0.engine } }

    /// Why it can't work now: the error of its last tick; nil if that succeeded.
    package var trouble: (any Error)? { state.withLock(\.trouble) }

    /// Works until a graceful shutdown.
    ///
    /// Then it claims nothing more, lets every run finish its page and release its lease, and returns.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                // Ends, together with the loop, when this scope does.
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

    /// Continues with another configuration on the same Redis and prefix.
    ///
    /// Current runs keep their configuration; everything else uses the new one at once.
    package func reload(with engine: Engine) {
        let background = BackgroundTasks(engine: engine)
        let former = state.withLock { state -> BackgroundTasks? in
            guard !state.isStopping else { return nil }
            defer { (state.engine, state.background, state.isNew) = (engine, background, true) }
            return state.background
        }
        former?.stop()
        wake()
    }

    /// Stops claiming, and asks every run to hand over.
    package func stop() {
        let (runs, background) = state.withLock { state in
            state.isStopping = true
            return (Array(state.running.values), state.background)
        }
        for run in runs { run.stop(.handedOver) }
        background.stop()
        wake()
    }

    private func wake() {
        state.withLock { $0.isTickDue = true }
        wakeUp.send()
    }

    private func loop(attend: (BackgroundTasks) -> Void, start: (Run) -> Void) async {
        var active = WorkerMemory(engine)
        var retries = Retries(Backoff(factor: 2, most: .seconds(1)))
        var outage = Outage()
        var waiting: BackgroundTasks?
        while !state.withLock(\.isStopping) {
            let (engine, background) = state.withLock { state in
                defer { state.isNew = false }
                return (state.engine, state.isNew ? state.background : nil)
            }
            if let background {
                active.begin(engine)
                waiting = background
            }
            do {
                state.withLock { $0.isTickDue = false }
                try await tick(engine, &active, start)
                // They go by the size of the fleet, which the first answer says.
                waiting.take().map(attend)
                state.withLock { $0.trouble = nil }
                if let count = outage.ended() {
                    logger.info("the schedule can be read again", metadata: ["failures": .stringConvertible(count)])
                }
                retries.succeeded()
                try await rest(&active, engine)
            } catch {
                if let count = outage.failed(error) {
                    logger.error(
                        "the schedule can't be read",
                        metadata: ["error": "\(error)", "failures": .stringConvertible(count)])
                }
                state.withLock { $0.trouble = error }
                // What keeps the schedule from being read needn't keep notices from being delivered.
                waiting.take().map(attend)
                await wakeUp.wait(atMost: retries.failed())
            }
        }
    }

    /// Waits until a tick is due.
    ///
    /// Where another instance is the first one to look, it is seen before whether that one has left anything.
    private func rest(_ active: inout WorkerMemory, _ engine: Engine) async throws {
        while true {
            let (isTickDue, heard, running) = state.withLock { state in
                defer { state.heard = [] }
                return (state.isTickDue || state.isStopping || state.isNew, state.heard, state.running.count)
            }
            for cleanup in heard where engine.configuration.cleanup(named: cleanup) != nil {
                active.heard(of: cleanup, isFree: running < engine.configuration.worker.concurrency)
            }
            if isTickDue { return }
            switch active.agenda.step(at: .now) {
            case .tick: return
            case .wait: await wakeUp.wait(atMost: ContinuousClock.now.duration(to: active.agenda.next))
            case .peek(let cleanups):
                if active.isDue(cleanups, try await engine.coordinator.dueTimes(of: cleanups)) { return }
            }
        }
    }

    /// Reads the schedule once and starts the runs that it claimed.
    private func tick(_ engine: Engine, _ active: inout WorkerMemory, _ start: (Run) -> Void) async throws {
        let clock = if let clock = active.clock { clock } else { try await engine.serverClock() }
        let isBeatDue = active.lastBeat.map { $0.duration(to: .now) >= engine.coordinator.heartbeat * 0.9 } ?? true
        if active.refused == nil || active.isForgotten || (isBeatDue && active.isUnsettled) || takeContested() {
            active.isForgotten = false
            try await settle(&active, clock, engine)
        }
        let running = state.withLock { $0.running.keys.sorted() }
        let refused = Set((active.refused ?? [:]).keys)
        let registration = active.registration ?? engine.coordinator.registration(without: refused)
        active.registration = registration
        let beat = Coordinator.Beat(
            running: running, refused: refused.sorted(), roundTrip: active.roundTrip,
            started: active.started ?? clock.now, number: active.beats)
        // Nothing new is started while two readings of the clock disagree.
        let places = active.clockWatch.isInDoubt ? 0 : engine.configuration.worker.concurrency - running.count
        if isBeatDue || active.hasHeard { active.cursor = .start }
        active.hasHeard = false
        let answer = try await engine.coordinator.tick(
            beat: isBeatDue ? beat : nil, places: places, registration: registration, cursor: active.cursor,
            isWatching: isBeatDue, clock: clock)
        let elapsed = active.clock?.age ?? .zero
        active.clock = answer.clock
        active.roundTrip = answer.roundTrip
        if isBeatDue {
            active.hasBeaten(engine.coordinator)
            state.withLock { $0.registration = registration }
        }
        let step = active.clockWatch.take(
            answer.clock.reading, at: answer.clock.readAt, within: answer.roundTrip + clock.roundTrip)
        active.plan(answer, engine)
        if answer.hasRegistered {
            // With the registration the meanings of the names may have gone: they are written again with the next tick.
            active.isForgotten = true
            // So may the definitions of the alerts.
            active.isAnnounced = false
            active.agenda.end = .now
        }
        if isBeatDue { state.withLock(\.background).count(answer.mates) }
        // Claimed runs are started before anything else can fail: an abandoned claim blocks its cleanup everywhere.
        for claim in answer.claims {
            if let run = accept(claim, answer.clock, step, engine) { start(run) }
        }
        for (cleanup, flaw) in answer.flaws where active.flaws.updateValue(flaw, forKey: cleanup) != flaw {
            logger.error("a due cleanup can't be claimed", metadata: ["cleanup": "\(cleanup)", "error": "\(flaw)"])
        }
        // A heartbeat looks at all of them again: what is mended is forgotten, to be said again if it comes back.
        if isBeatDue { active.flaws = answer.flaws }
        try await look(at: step, &active, elapsed, engine)
        // The library answers with another version: it must be replaced before it is called again.
        if answer.version != FunctionLibrary.version { try await engine.functions.load() }
        if !active.isAnnounced { try await announce(&active, answer, engine) }
        if isBeatDue { try await active.watch.look(at: answer) }
    }

    /// Checks the meanings of the cleanups' names, and logs refused cleanups whenever they change.
    private func settle(_ active: inout WorkerMemory, _ clock: ServerClock, _ engine: Engine) async throws {
        let settlement = try await Definitions(engine.coordinator).settle(now: clock.now)
        let refused = settlement.refused
        for name in settlement.waiting.subtracting(active.waiting).sorted() {
            logger.notice(
                "a cleanup uses the schedule of another instance's newer configuration",
                metadata: ["cleanup": "\(name)"])
        }
        active.waiting = settlement.waiting
        for (name, conflict) in refused.sorted(by: { $0.key < $1.key })
        where active.refused?[name]?.description != conflict.description {
            logger.error("a cleanup is refused", metadata: ["cleanup": "\(name)", "error": "\(conflict)"])
        }
        for name in (active.refused ?? [:]).keys.sorted() where refused[name] == nil {
            logger.notice("a cleanup is no longer refused", metadata: ["cleanup": "\(name)"])
        }
        // The heartbeat shows it to the other instances at once.
        if active.refused.map({ Set($0.keys) }) ?? [] != Set(refused.keys) { active.lastBeat = nil }
        active.refused = refused
        active.registration = nil
    }

    private func takeContested() -> Bool {
        state.withLock { state in
            defer { state.isContested = false }
            return state.isContested
        }
    }

    /// Reports a step of the clock, and resolves its alert afterwards.
    private func look(at step: Duration?, _ active: inout WorkerMemory, _ elapsed: Duration, _ engine: Engine)
        async throws
    {
        guard let now = active.clock?.now else { return }
        let alert = ClockAlert(engine: engine)
        if let step {
            active.clockFollowUp = .now.advanced(by: ClockStep.shown)
            logger.error(
                "the clock of Redis has stepped",
                metadata: ["step": "\(step < .zero ? "-" : "+")\(ClockStep.text(step))"])
            try await alert.saw(step, at: now, since: elapsed)
        } else if let end = active.clockFollowUp, end <= .now {
            active.clockFollowUp = try await alert.resolve(at: now) ? nil : .now.advanced(by: ClockStep.shown)
        }
    }

    /// The first answer under a configuration: alerts may be new, and in a cluster it comes from one node only.
    private func announce(_ active: inout WorkerMemory, _ answer: TickAnswer, _ engine: Engine) async throws {
        if engine.redis.isCluster { try await engine.functions.load() }
        try await Alerts(engine: engine).publishDefinitions(now: answer.clock.now)
        // The instance that saw the clock step may be gone, but the alert must still be resolved.
        if active.clockFollowUp == nil, try await ClockAlert.read(from: engine.store).isFiring {
            active.clockFollowUp = .now
        }
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
        // Claimed while the shutdown began: the run stops at its first checkpoint and releases the claim.
        if isStopping { run.control.stop(.handedOver) }
        return run
    }

    private func execute(_ run: Run) async {
        let result = await run.execute()
        state.withLock { state in
            state.isContested = state.isContested || run.control.isContested
            // A run that lost its lease may end after its successor has started, possibly on this instance.
            guard state.running[run.cleanup.name] === run.control else { return }
            state.running[run.cleanup.name] = nil
        }
        wake()
        // The run has ended and its slot is free: an address that doesn't respond only delays a shutdown.
        await Ping(of: run.cleanup, logger: logger).send(after: result) { self.state.withLock(\.isStopping) }
    }

    /// Listens for messages of other instances.
    ///
    /// Without them, the heartbeat finds everything a little later. If the server refuses, the subscription is retried
    /// with every heartbeat, because a person may have fixed the permission.
    private func listen() async {
        var isKnown = false
        let heartbeat = engine.coordinator.heartbeat
        var retries = Retries(Backoff(first: heartbeat, factor: 1, most: heartbeat))
        while !state.withLock(\.isStopping) {
            do {
                return try await engine.redis.subscribe(engine.keys.wake) { messages in
                    isKnown = false
                    for try await message in messages { heard(of: message) }
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

    /// A message has named a cleanup: it may be due at once.
    private func heard(of cleanup: String) {
        let background = state.withLock { state in
            state.heard.insert(cleanup)
            return state.background
        }
        wakeUp.send()
        background.wake(cleanup)
    }

    private func leave() async {
        do {
            try await engine.coordinator.leave(state.withLock(\.registration))
        } catch {
            logger.warning("the instance was not removed from the list", metadata: ["error": "\(error)"])
        }
    }
}

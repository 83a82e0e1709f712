package import Policies
internal import RedisClient

/// The schedule and leases, through the functions in Redis: every decision is one atomic call.
package struct Coordinator: Sendable {
    let store: Store
    let configuration: Configuration
    let instance: Instance
    private let ends: RunEnds

    private var keys: Keys { store.keys }

    /// How long a lease lasts.
    package var lease: Duration { configuration.worker.lease }

    /// The longest silence of an idle instance; at most the length of a lease, so that a dead holder is noticed in
    /// time.
    package var heartbeat: Duration { min(configuration.worker.heartbeat, lease) }

    /// The order of this instance where it is alone.
    var order: LookOrder { LookOrder(instance: instance.id, mates: 1) }

    /// Creates the coordinator of an instance.
    ///
    /// - Parameter ends: what the ends of its runs share.
    package init(store: Store, configuration: Configuration, instance: Instance, ends: RunEnds) {
        self.store = store
        self.configuration = configuration
        self.instance = instance
        self.ends = ends
    }

    /// What an instance publishes with a tick.
    package struct Beat: Sendable {
        /// The cleanups that it is running.
        package var running: [String] = []
        /// The cleanups that it doesn't run, because other instances use their names for other records.
        package var refused: [String] = []
        /// The duration of the last tick.
        package var roundTrip: Duration = .zero
        /// When it started, on the server's clock.
        package var started: Timestamp
        /// The number of the heartbeat.
        package var number = 0
    }

    /// What this instance may claim.
    ///
    /// - Parameter refused: the cleanups whose names mean other records on other instances.
    package func registration(without refused: Set<String> = []) -> Registration {
        Registration(configuration, refused: refused)
    }

    /// Reports that this instance is alive, and claims as many due cleanups as it has places.
    ///
    /// If Redis doesn't know what this instance may claim, it is told first.
    ///
    /// - Parameters:
    ///   - beat: what to publish about the instance; nil for a tick between two heartbeats, which publishes nothing.
    ///   - places: how many more runs it can take; with 0 it claims nothing.
    ///   - registration: what it may claim; nil for every enabled cleanup of the configuration.
    ///   - cursor: what an earlier tick has found nothing in.
    ///   - isWatching: whether what runs is looked after, and what is overdue where there are alerts on it.
    ///   - clock: the server's time, for the first occurrences of cron schedules.
    func tick(
        beat: Beat?, places: Int, registration: Registration? = nil, cursor: TickCursor = .start,
        isWatching: Bool = true, clock: ServerClock
    ) async throws(CurfewError) -> TickAnswer {
        let registration = registration ?? self.registration()
        var call = TickCall(
            keys: keys, instance: instance.id, registration: registration.id, lease: lease, heartbeat: heartbeat,
            places: places, streamLength: configuration.streams.length, isWatching: isWatching, cursor: cursor,
            watch: isWatching && configuration.hasWatch ? configuration.fingerprint : "",
            fields: beat.map(instanceFields) ?? [], metrics: beat.map(metricFields) ?? [],
            probes: beat.map { registration.probes($0.number + Int(order.phase * 1_000)) } ?? [])
        var attempt = ContinuousClock.now
        var answer = try await store.functions.call(call)
        var isMended = false
        if answer.registering == .now {
            try await register(registration, clock)
            isMended = true
            // It has said that it lives; what it may claim it learns only now.
            if answer.claims.isEmpty {
                (call.fields, call.metrics, call.probes) = ([], [], [])
                attempt = .now
                answer = try await store.functions.call(call)
            }
        }
        return try tickAnswer(answer, attempt: attempt, isMended: isMended)
    }

    private func register(_ registration: Registration, _ clock: ServerClock) async throws(CurfewError) {
        let now = clock.now
        let calls = RegisterCall.all(
            registration.cleanups.map { KnownCleanup($0, now: now) }, as: registration.id,
            memory: max(heartbeat * 3, lease) * 2, keys)
        for call in calls { try await store.functions.call(call) }
    }

    private func tickAnswer(
        _ answer: TickCall.Answer, attempt: ContinuousClock.Instant, isMended: Bool
    ) throws(CurfewError) -> TickAnswer {
        var result = try TickAnswer(now: answer.now, version: answer.version, attempt: attempt)
        result.agenda = agenda(answer, at: result.clock.readAt, isMended: isMended)
        result.hasRegistered = isMended
        result.overdue = answer.overdue.mapValues { .milliseconds($0) }
        (result.isPartial, result.flaws) = (answer.isPartial, answer.flaws)
        (result.cursor, result.mates, result.owing) = (answer.cursor, answer.mates, answer.owing)
        let now = result.clock.reading
        result.claims = answer.claims.map { claimed in
            Claim(
                claimed, acquired: now, trigger: Trigger.schedule,
                isDryRun: configuration.cleanup(named: claimed.cleanup)?.isDryRun ?? false, attempt: attempt)
        }
        if let first = result.claims.first { result.outcome = .claimed(first) }
        return result
    }

    /// What to look at after an answer.
    private func agenda(_ answer: TickCall.Answer, at answered: ContinuousClock.Instant, isMended: Bool) -> Agenda {
        let order = LookOrder(instance: instance.id, mates: answer.mates)
        var agenda = Agenda(end: answered)
        if answer.hasMore || (isMended && !answer.claims.isEmpty) { return agenda }
        agenda.end += heartbeat
        if answer.registering != .notNeeded {
            // All that wait look again at another moment.
            agenda.end = answered + .milliseconds(answer.sleep) * (order.phase + 0.5)
        }
        let places = configuration.worker.concurrency
        for (number, coming) in answer.next.enumerated() {
            let due = answered + .milliseconds(coming.wait)
            let delay = order.delay(
                for: coming.name, isTakeOver: coming.isLease, together: number == 0 ? answer.together : 1,
                places: places)
            guard let delay else { continue }
            agenda.add(.init(cleanup: coming.name, due: due, at: due + delay, isFirst: delay == .zero))
        }
        if let horizon = answer.horizon {
            let due = answered + .milliseconds(horizon)
            agenda.horizon = due
            if let delay = order.delay(for: answer.next.last?.name ?? "") {
                agenda.end = min(agenda.end, due + delay)
            }
        }
        return agenda
    }

    /// The due times of cleanups, or the ends of their leases; nil for what isn't on the schedule.
    func dueTimes(of cleanups: [String]) async throws(CurfewError) -> [Timestamp?] {
        let reply = try await store.redis.reply(to: RedisCommand("ZMSCORE", [keys.schedule] + cleanups))
        return reply.elements.map { $0.string.flatMap(Double.init).map { Timestamp(score: $0) } }
    }

    /// Claims a cleanup now, due or not, unless another instance runs it or it is paused.
    ///
    /// - Parameters:
    ///   - person: the person who requests it, recorded in the events; nil for none.
    ///   - detail: further text for the event.
    package func claim(
        _ cleanup: Cleanup, trigger: String, isDryRun: Bool, by person: String? = nil, detail: String = ""
    ) async throws(CurfewError) -> TickAnswer {
        var cleanup = cleanup
        // Only the occurrences of a cron schedule need the time before the call.
        var before = Timestamp(milliseconds: 0)
        if case .cron = cleanup.schedule { before = try await store.serverClock().now }
        cleanup.isDryRun = isDryRun
        let deed = person.map { person in
            OperatorAction(
                trigger == Trigger.undo ? "undo" : "run", by: person, cleanup: cleanup.name, detail: detail)
        }
        let call = ClaimCall(
            keys: keys, instance: instance.id, lease: lease, trigger: trigger,
            streamLength: configuration.streams.length, cleanup: KnownCleanup(cleanup, now: before),
            event: deed?.event().fieldsOfClaim ?? [])
        let attempt = ContinuousClock.now
        let answer = try await store.functions.call(call)
        var result = try TickAnswer(now: answer.now, version: answer.version, attempt: attempt)
        let now = result.clock.reading
        switch answer.outcome {
        case .paused(let why): result.outcome = .paused(why)
        case .held(let holder, let run, let until):
            result.outcome = .held(by: holder, run: run, until: until.map(Timestamp.init(milliseconds:)) ?? now)
        case .claimed(let claimed):
            let claim = Claim(claimed, acquired: now, trigger: trigger, isDryRun: isDryRun, attempt: attempt)
            result.claims = [claim]
            result.outcome = .claimed(claim)
        }
        return result
    }

    /// Renews exactly this lease and publishes the progress of its run.
    func renew(_ claim: Claim, progress: RunControl.Progress) async throws(CurfewError) -> RenewCall.Answer {
        try await store.functions.call(renewal(of: claim, progress: progress))
    }

    /// The call that renews a lease; as a write under the lease it also proves the term.
    func renewal(of claim: Claim, progress: RunControl.Progress) -> RenewCall {
        RenewCall(
            keys: keys, cleanup: claim.cleanup, term: claim.term, lease: lease,
            fields: [
                ("found", String(progress.found)), ("changed", String(progress.changed)),
                ("retried", String(progress.retried)), ("skipped", String(progress.skipped)),
                ("failed", String(progress.failed)), ("refunded", String(progress.refunded)),
                ("progress", String(progress.percent)), ("step", progress.step),
            ])
    }

    /// Ends a run: history, metrics, next due time and release in one step.
    ///
    /// Returns the states of these alerts, or nil if the lease was lost.
    ///
    /// - Parameter next: when the cleanup is due again; nil for at once, which wakes idle instances.
    func finish(
        _ claim: Claim, next: Timestamp?, runFields: [(String, String)], metricFields: [(String, String)],
        alerts: [AlertDefinition]
    ) async throws(CurfewError) -> [AlertState]? {
        let end = FinishCall.End(
            cleanup: claim.cleanup, term: claim.term, next: next?.milliseconds, run: runFields,
            metrics: metricFields, alerts: alerts.map(\.name))
        let known = try await ends.end(end) { ends throws(CurfewError) in
            try await store.functions.call(finish(ends))
        }
        guard let known else { return nil }
        if let next, let definition = known.definition {
            await Definitions(self).follow(definition, after: claim, due: next)
        }
        return known.alerts.map { alert in
            AlertState(
                definition: alert.definition, isFiring: alert.state == AlertState.firing,
                since: Int64(alert.since).map(Timestamp.init(milliseconds:)))
        }
    }

    private func finish(_ ends: [FinishCall.End]) -> FinishCall {
        let streams = configuration.streams
        return FinishCall(
            keys: keys, streamLength: streams.length,
            ages: .init(runs: streams.runs, metrics: streams.metrics, events: streams.events, alerts: streams.alerts),
            ends: ends)
    }

    /// Removes this instance from the list at shutdown, with a short deadline: the entry would expire anyway.
    ///
    /// - Parameter registration: the one that it has said that it lives with, if any.
    package func leave(_ registration: Registration? = nil) async throws(CurfewError) {
        var commands = [
            RedisCommand("ZREM", [keys.instances, instance.id]), RedisCommand("DEL", [keys.instance(instance.id)]),
        ]
        if let registration { commands.append(RedisCommand("ZREM", [keys.mates(registration.id), instance.id])) }
        _ = try await store.redis.replies(to: commands, deadline: .seconds(2))
    }

    private func instanceFields(_ beat: Beat) -> [(String, String)] {
        [
            ("host", instance.host), ("pid", String(instance.pid)), ("version", CurfewVersion.current),
            ("started_ms", String(beat.started.milliseconds)), ("running", beat.running.joined(separator: ",")),
            ("config", configuration.fingerprint), ("refused", beat.refused.joined(separator: ",")),
        ]
    }

    private func metricFields(_ beat: Beat) -> [(String, String)] {
        [
            ("kind", "instance"), ("instance", instance.id), ("rss_bytes", String(Instance.residentBytes())),
            ("cpu_ms", String(Instance.processorMilliseconds())),
            ("redis_rtt_us", String(beat.roundTrip / .microseconds(1))), ("running", String(beat.running.count)),
        ]
    }
}

extension TickAnswer {
    /// The answer of a call that was started at that moment, without what it brings.
    init(now: Int64, version: String, attempt: ContinuousClock.Instant) throws(CurfewError) {
        guard let now = ServerClock.time(milliseconds: now) else { throw TickCall.unexpected(.tick) }
        let answered = ContinuousClock.now
        roundTrip = attempt.duration(to: answered)
        clock = ServerClock(now, at: answered, within: roundTrip)
        self.version = version
    }
}

extension Claim {
    init(
        _ claimed: ClaimedCleanup, acquired: Timestamp, trigger: String, isDryRun: Bool,
        attempt: ContinuousClock.Instant
    ) {
        self.init(
            cleanup: claimed.cleanup, run: claimed.run, fence: claimed.fence, term: claimed.term,
            due: claimed.due.map(Timestamp.init(milliseconds:)) ?? acquired, lateness: .milliseconds(claimed.late),
            acquired: acquired, trigger: trigger, isDryRun: isDryRun, replaces: claimed.lost,
            memory: RunMemory(definition: claimed.definition, owed: claimed.owed, clock: claimed.clock),
            attempt: attempt)
    }
}

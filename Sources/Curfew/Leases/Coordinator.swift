package import Policies
internal import RedisClient

/// Schedule and leases, by way of the functions in Redis: every decision is one atomic call.
package struct Coordinator: Sendable {
    let store: Store
    let configuration: Configuration
    let instance: Instance

    private var keys: Keys { store.keys }

    /// How long a lease lasts.
    package var lease: Duration { configuration.worker.lease }

    /// The longest silence of an idle instance; never longer than a lease, so that a dead holder is noticed in time.
    package var heartbeat: Duration { min(configuration.worker.heartbeat, lease) }

    /// Makes the coordinator of one instance.
    package init(store: Store, configuration: Configuration, instance: Instance) {
        self.store = store
        self.configuration = configuration
        self.instance = instance
    }

    /// What an instance tells with a tick.
    package struct Beat: Sendable {
        /// The cleanups it is running.
        package var running: [String] = []
        /// The cleanups that it doesn't run, because they stand for something else on others.
        package var refused: [String] = []
        /// How long the last tick took.
        package var roundTrip: Duration = .zero
        /// When it started, by the server's clock.
        package var started: Timestamp
    }

    /// Says that this instance lives, and claims at most one due cleanup.
    ///
    /// - Parameters:
    ///   - beat: what to publish about the instance; nil publishes nothing, for a tick between two heartbeats.
    ///   - places: how many more runs it can take; with none it claims nothing.
    ///   - refused: the cleanups that stand for something else on other instances.
    ///   - clock: the server's time, for the next occurrences of cron schedules; nil on the first tick.
    package func tick(
        beat: Beat?, places: Int, refused: Set<String> = [], clock: ServerClock
    ) async throws(CurfewError) -> TickAnswer {
        let known = configuration.cleanups.filter { $0.isEnabled && !refused.contains($0.name) }
        return try await tick(
            beat: beat, places: places, trigger: Trigger.schedule, only: nil, known: known, clock: clock)
    }

    /// Claims this cleanup now, due or not, unless somebody else has it or it is paused.
    ///
    /// - Parameters:
    ///   - person: who asks for it, to be noted in the events together with the claim; nil: nobody in particular.
    ///   - detail: what else is to be said of that.
    package func claim(
        _ cleanup: Cleanup, trigger: String, isDryRun: Bool, by person: String? = nil, detail: String = ""
    ) async throws(CurfewError) -> TickAnswer {
        var cleanup = cleanup
        // Only the occurrences of a cron line have to be computed from the time before the call.
        let clock: ServerClock
        if case .cron = cleanup.schedule {
            clock = try await store.serverClock()
        } else {
            clock = ServerClock(Timestamp(milliseconds: 0))
        }
        cleanup.isDryRun = isDryRun
        let deed = person.map { person in
            OperatorAction(
                trigger == Trigger.undo ? "undo" : "run", by: person, cleanup: cleanup.name, detail: detail)
        }
        return try await tick(
            beat: nil, places: 1, trigger: trigger, only: cleanup, known: [cleanup], clock: clock, deed: deed)
    }

    private func tick(
        beat: Beat?, places: Int, trigger: String, only: Cleanup?, known: [Cleanup], clock: ServerClock,
        deed: OperatorAction? = nil
    ) async throws(CurfewError) -> TickAnswer {
        let now = clock.now
        let call = TickCall(
            keys: keys, instance: instance.id, lease: lease, heartbeat: heartbeat, places: places, trigger: trigger,
            only: only?.name, streamLength: configuration.streams.length, fields: beat.map(instanceFields) ?? [],
            metrics: beat.map(metricFields) ?? [],
            known: known.map { cleanup in
                TickCall.Known(
                    name: cleanup.name, policy: cleanup.kind.rawValue, isDryRun: cleanup.isDryRun,
                    next: Self.next(of: cleanup.schedule, from: now))
            },
            event: deed?.event().fieldsOfClaim)
        let attempt = ContinuousClock.now
        let answer = try await store.functions.call(call)
        return try TickAnswer(answer, attempt: attempt, trigger: trigger) { name in
            known.first { $0.name == name }?.isDryRun ?? false
        }
    }

    private static func next(of schedule: Schedule, from now: Timestamp) -> TickCall.Next {
        switch schedule {
        case .every(let interval): .every(milliseconds: interval.milliseconds)
        case .cron: .at(milliseconds: schedule.first(from: now).milliseconds)
        }
    }

    /// Extends exactly this lease and publishes how far its run is.
    func renew(_ claim: Claim, progress: RunControl.Progress) async throws(CurfewError) -> RenewCall.Answer {
        try await store.functions.call(renewal(of: claim, progress: progress))
    }

    /// The call that extends a lease: a write under it, whatever else it is for.
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
    /// Gives back the states of these alerts, or nil where the lease was no longer ours.
    ///
    /// - Parameter next: when the cleanup is due again; nil: at once, and idle instances are woken.
    func finish(
        _ claim: Claim, next: Timestamp?, runFields: [(String, String)], metricFields: [(String, String)],
        alerts: [AlertDefinition]
    ) async throws(CurfewError) -> [AlertState]? {
        let streams = configuration.streams
        let call = FinishCall(
            keys: keys, cleanup: claim.cleanup, term: claim.term, next: next?.milliseconds,
            streamLength: streams.length,
            ages: .init(runs: streams.runs, metrics: streams.metrics, events: streams.events, alerts: streams.alerts),
            run: runFields, metrics: metricFields, alerts: alerts.map(\.name))
        guard let known = try await store.functions.call(call) else { return nil }
        if let next, let definition = known.definition {
            await Definitions(self).follow(definition, after: claim, due: next)
        }
        return known.alerts.map { alert in
            AlertState(
                definition: alert.definition, isFiring: alert.state == AlertState.firing,
                since: Int64(alert.since).map(Timestamp.init(milliseconds:)))
        }
    }

    /// Takes this instance off the list, on its way out, for which nobody waits long: the entry would expire anyway.
    package func leave() async throws(CurfewError) {
        let commands = [
            RedisCommand("ZREM", [keys.instances, instance.id]), RedisCommand("DEL", [keys.instance(instance.id)]),
        ]
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
    /// Makes it of what was answered, with what the caller knows.
    init(
        _ answer: TickCall.Answer, attempt: ContinuousClock.Instant, trigger: String, isDryRun: (String) -> Bool
    ) throws(CurfewError) {
        guard let now = ServerClock.time(milliseconds: answer.now) else { throw TickCall.unexpected(.tick) }
        let answered = ContinuousClock.now
        clock = ServerClock(now, at: answered, within: attempt.duration(to: answered))
        sleep = .milliseconds(answer.sleep)
        version = answer.version
        roundTrip = attempt.duration(to: answered)
        overdue = answer.overdue.mapValues { .milliseconds($0) }
        switch answer.outcome {
        case .nothing: outcome = .nothing
        case .paused(let why): outcome = .paused(why)
        case .held(let holder, let run, let until):
            outcome = .held(by: holder, run: run, until: until.map(Timestamp.init(milliseconds:)) ?? now)
        case .claimed(let claimed):
            outcome = .claimed(
                Claim(
                    cleanup: claimed.cleanup, run: claimed.run, fence: claimed.fence, term: claimed.term,
                    due: claimed.due.map(Timestamp.init(milliseconds:)) ?? now, lateness: .milliseconds(claimed.late),
                    acquired: now, trigger: trigger, isDryRun: isDryRun(claimed.cleanup), replaces: claimed.lost,
                    memory: RunMemory(definition: claimed.definition, owed: claimed.owed, clock: claimed.clock),
                    attempt: attempt))
        }
    }
}

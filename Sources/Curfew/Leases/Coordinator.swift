package import Policies
internal import RedisClient

/// Schedule and leases, by way of the functions in Redis: every decision is one atomic call.
package struct Coordinator: Sendable {
    let library: FunctionLibrary
    let keys: Keys
    let configuration: Configuration
    let instance: Instance

    /// How long a lease lasts.
    package var lease: Duration { configuration.worker.lease }

    /// The longest silence of an idle instance; never longer than a lease, so that a dead holder is noticed in time.
    package var heartbeat: Duration { min(configuration.worker.heartbeat, lease) }

    /// Makes the coordinator of one instance.
    package init(library: FunctionLibrary, keys: Keys, configuration: Configuration, instance: Instance) {
        self.library = library
        self.keys = keys
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
            clock = try await ServerClock.read(from: library.redis)
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
        var arguments: [String] = []
        if let deed { arguments.append(words: deed.eventFields) }
        arguments += [
            instance.id, String(lease.milliseconds), String(heartbeat.milliseconds), String(places), trigger,
            only?.name ?? "", String(configuration.streams.length),
        ]
        arguments.append(fields: beat.map(instanceFields) ?? [])
        arguments.append(fields: beat.map(metricFields) ?? [])
        for cleanup in known {
            arguments += [cleanup.name, cleanup.kind.rawValue, cleanup.isDryRun ? "1" : "0"]
            switch cleanup.schedule {
            case .every(let interval): arguments += [String(interval.milliseconds), "0"]
            case .cron: arguments += ["0", String(cleanup.schedule.first(from: now).milliseconds)]
            }
        }
        let fixed = [
            keys.schedule, keys.fence, keys.instances, keys.instance(instance.id), keys.paused, keys.runs, keys.metrics,
        ]
        let function = deed == nil ? "curfew_tick" : "curfew_claim"
        let events = deed == nil ? [] : [keys.events]
        let attempt = ContinuousClock.now
        let reply = try await library.call(
            function, keys: events + fixed + known.map { keys.lease($0.name) }, arguments: arguments)
        return try TickAnswer(reply, attempt: attempt, trigger: trigger) { name in
            known.first { $0.name == name }?.isDryRun ?? false
        }
    }

    /// What became of a renewal.
    package enum Renewal: Sendable, Equatable {
        /// The lease is extended; a person may have asked to cancel the run.
        case renewed(cancelledBy: String?)
        /// It is not ours any more.
        case lost
    }

    /// Extends exactly this lease and publishes how far its run is.
    package func renew(_ claim: Claim, progress: RunControl.Progress) async throws(CurfewError) -> Renewal {
        let reply = try await library.call(renewal(of: claim, progress: progress))
        switch reply.string {
        case "lost": return .lost
        case "": return .renewed(cancelledBy: nil)
        case let name: return .renewed(cancelledBy: name)
        }
    }

    /// The command that extends a lease: a write under it, whatever else it is for.
    func renewal(of claim: Claim, progress: RunControl.Progress) -> RedisCommand {
        FunctionLibrary.command(
            "curfew_renew", keys: [keys.schedule, keys.lease(claim.cleanup)],
            arguments: [
                claim.cleanup, claim.term, String(lease.milliseconds),
                "found", String(progress.found), "changed", String(progress.changed),
                "retried", String(progress.retried), "skipped", String(progress.skipped),
                "failed", String(progress.failed), "refunded", String(progress.refunded),
                "progress", String(progress.percent), "step", progress.step,
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
        var arguments = [
            claim.cleanup, claim.term, next.map { String($0.milliseconds) } ?? "now", keys.wake,
            String(streams.length),
        ]
        arguments += [streams.runs, streams.metrics, streams.events, streams.alerts].map { String($0.milliseconds) }
        arguments.append(fields: runFields)
        arguments.append(fields: metricFields)
        let reply = try await library.call(
            "curfew_finish",
            keys: [keys.schedule, keys.lease(claim.cleanup), keys.runs, keys.metrics, keys.events, keys.alerts]
                + alerts.map { keys.alert($0.name) },
            arguments: arguments)
        let elements = reply.elements.map { $0.string ?? "" }
        guard elements.first == "ok", elements.count >= 1 + 3 * alerts.count else { return nil }
        if let next, elements.count > 1 + 3 * alerts.count {
            await Definitions(self).follow(elements[1 + 3 * alerts.count], in: claim.cleanup, due: next)
        }
        return alerts.indices.map { number in
            let place = 1 + 3 * number
            return AlertState(
                definition: elements[place], isFiring: elements[place + 1] == AlertState.firing,
                since: Int64(elements[place + 2]).map(Timestamp.init(milliseconds:)))
        }
    }

    /// Takes this instance off the list, on its way out, for which nobody waits long: the entry would expire anyway.
    package func leave() async throws(CurfewError) {
        let commands = [
            RedisCommand("ZREM", [keys.instances, instance.id]), RedisCommand("DEL", [keys.instance(instance.id)]),
        ]
        _ = try await library.redis.replies(to: commands, deadline: .seconds(2))
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

extension Engine {
    /// Schedule and leases, for this instance.
    package var coordinator: Coordinator {
        Coordinator(library: library, keys: keys, configuration: configuration, instance: instance)
    }
}

extension [String] {
    /// A count of words, then names and values.
    mutating func append(words fields: [(String, String)]) {
        append(String(2 * fields.count))
        for (name, value) in fields { self += [name, value] }
    }

    /// A count, then names and values: how lists of fields are passed to the functions.
    mutating func append(fields: [(String, String)]) {
        append(String(fields.count))
        for (name, value) in fields {
            append(name)
            append(value)
        }
    }
}

extension TickAnswer {
    /// Reads the flat list of names and values that `curfew_tick` returns.
    init(
        _ reply: RedisValue, attempt: ContinuousClock.Instant, trigger: String, isDryRun: (String) -> Bool
    ) throws(CurfewError) {
        var named: [String: RedisValue] = [:]
        for (name, value) in reply.fields() { named[name.string ?? ""] = value }
        func time(_ name: String) -> Timestamp? {
            named[name]?.integer.map { Timestamp(milliseconds: $0) }
        }
        func text(_ name: String) -> String { named[name]?.string ?? "" }
        guard let now = time("now").flatMap({ ServerClock.time(milliseconds: $0.milliseconds) }),
            let sleep = named["sleep"]?.integer, let version = named["version"]?.integer
        else {
            throw CurfewError(
                .damaged, "curfew_tick answered something unexpected: is another library loaded as curfew?")
        }
        let answered = ContinuousClock.now
        clock = ServerClock(now, at: answered, within: attempt.duration(to: answered))
        self.sleep = .milliseconds(sleep)
        self.version = version
        roundTrip = attempt.duration(to: answered)
        var overdue: [String: Duration] = [:]
        for (name, late) in named["overdue"]?.fields() ?? [] {
            if let name = name.string { overdue[name] = .milliseconds(late.integer ?? 0) }
        }
        self.overdue = overdue
        if named["claim"] != nil {
            let cleanup = text("claim")
            outcome = .claimed(
                Claim(
                    cleanup: cleanup, run: text("run"), fence: text("fence"),
                    term: named["term"]?.string ?? text("fence"), due: time("due") ?? now,
                    lateness: .milliseconds(named["late"]?.integer ?? 0), acquired: now,
                    trigger: trigger, isDryRun: isDryRun(cleanup), replaces: text("lost").isEmpty ? nil : text("lost"),
                    memory: RunMemory(definition: named["definition"], owed: named["owed"], clock: named["clock"]),
                    attempt: attempt))
        } else if named["held"] != nil {
            outcome = .held(by: text("holder"), run: text("run"), until: time("until") ?? now)
        } else if named["paused"] != nil {
            outcome = .paused(text("paused"))
        } else {
            outcome = .nothing
        }
    }
}

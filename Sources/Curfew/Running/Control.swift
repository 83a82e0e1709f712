package import Policies
internal import RedisClient

/// What people and programs have Curfew do with a cleanup, and how it is said: the same for the command line, the HTTP API
/// and the dashboard.
package struct Control: Sendable {
    /// Where it is done.
    package let engine: Engine
    /// Who asks: noted with everything that is done, for all who look at it later.
    package let person: String

    /// Makes the control of one who asks.
    package init(engine: Engine, person: String) {
        self.engine = engine
        self.person = person
    }

    /// What became of something that needs no run.
    package struct Answer: Sendable {
        /// Whether it was done; false where there was nothing to do.
        package var isDone: Bool
        /// What was done, in one sentence.
        package var message: String
        /// What else is worth knowing, in words that go on from the sentence.
        package var remark = ""
        /// The run that was asked to stop.
        package var stopped: String?
        /// When the cleanup runs, of one that was resumed; nil where that isn't known.
        package var due: Timestamp?
        /// How many of its times have passed, of one that was resumed.
        package var missed: Int?
    }
}

// MARK: - Runs

extension Control {
    /// How a run that somebody asks for differs from a scheduled one.
    package struct RunOptions: Sendable {
        /// Whether it only looks.
        package var dryRun: Bool
        /// The most records to change.
        package var limit: Int?
        /// One timeout in place of the configured ones.
        package var timeout: Duration?
        /// Whether it goes through with what its guard would refuse.
        package var overrideGuard: Bool
        /// Whether what it removes is kept, so that it can be undone.
        package var keepsTrash: Bool
        /// What it does and nothing else.
        package var plan: Plan?
        /// Whether it waits where another instance holds the lease.
        package var waits: Bool

        /// A run like any other, unless said otherwise.
        package init(
            dryRun: Bool = false, limit: Int? = nil, timeout: Duration? = nil, overrideGuard: Bool = false,
            keepsTrash: Bool = true, plan: Plan? = nil, waits: Bool = false
        ) {
            self.dryRun = dryRun
            self.limit = limit
            self.timeout = timeout
            self.overrideGuard = overrideGuard
            self.keepsTrash = keepsTrash
            self.plan = plan
            self.waits = waits
        }
    }

    /// Claims a cleanup for a run now.
    ///
    /// Throws a ``ClaimRefusal`` where another instance runs it, or it is paused.
    package func run(
        _ cleanup: Cleanup, _ options: RunOptions = RunOptions(), trigger: String = "manual"
    ) async throws -> Run {
        let detail = options.dryRun ? "dry run" : options.plan == nil ? "" : "what a plan says"
        let (claim, clock) = try await claim(
            cleanup, trigger: trigger, isDryRun: options.dryRun || cleanup.isDryRun, detail: detail,
            waits: options.waits)
        return Run(
            engine: engine, cleanup: cleanup, claim: claim, clock: clock, limit: options.limit,
            timeout: options.plan?.timeoutMs.map { .milliseconds($0) } ?? options.timeout,
            keepsTrash: options.keepsTrash, task: options.plan.map { .plan($0) } ?? .due,
            overriddenBy: options.overrideGuard ? person : nil)
    }

    /// Claims a cleanup to undo a run of it.
    ///
    /// Throws as ``run(_:_:trigger:)`` does.
    package func undo(_ undo: Undo, waits: Bool = false) async throws -> Run {
        let (claim, clock) = try await claim(
            undo.cleanup, trigger: Trigger.undo, isDryRun: false, detail: "of \(undo.run)", waits: waits)
        return Run(engine: engine, cleanup: undo.cleanup, claim: claim, clock: clock, task: .undo(undo))
    }

    private func claim(
        _ cleanup: Cleanup, trigger: String, isDryRun: Bool, detail: String, waits: Bool
    ) async throws -> (Claim, ServerClock) {
        while true {
            let answer = try await engine.coordinator.claim(
                cleanup, trigger: trigger, isDryRun: isDryRun, by: person, detail: detail)
            switch answer.outcome {
            case .claimed(let claim): return (claim, answer.clock)
            case .held(let holder, let run, let end):
                guard waits else {
                    throw ClaimRefusal.held(cleanup: cleanup.name, holder: holder, run: run, until: end)
                }
                // Long enough not to press, short enough not to miss the end by much.
                try await Task.sleep(for: min(.milliseconds(500), engine.coordinator.lease / 4))
            case .paused(let text):
                throw ClaimRefusal.paused(cleanup: cleanup.name, CleanupPause(text: text))
            case .nothing:
                throw CurfewError(.damaged, "the claim of \(cleanup.name) was not answered")
            }
        }
    }
}

/// Why a cleanup can't be claimed now.
package enum ClaimRefusal: Error, CustomStringConvertible {
    /// Another run of it is under way.
    case held(cleanup: String, holder: String, run: String, until: Timestamp)
    /// Somebody has paused it.
    case paused(cleanup: String, CleanupPause)

    /// The same in a sentence.
    package var description: String {
        switch self {
        case .held(let cleanup, let holder, let run, let end):
            "\(cleanup) is being run by \(holder) (\(run)), whose lease lasts until \(end.iso8601) at least"
        case .paused(let cleanup, let pause): "\(cleanup) was paused by \(pause.by) at \(pause.at): \(pause.why)"
        }
    }
}

// MARK: - Without a run

extension Control {
    /// Keeps a cleanup from being run, on every instance, until it is resumed.
    package func pause(_ cleanup: String, why: String) async throws(CurfewError) -> Answer {
        let keys = engine.keys
        try await check(cleanup)
        let earlier = try await engine.redis.reply(
            to: RedisCommand("HGET", [keys.paused, cleanup]))
        let run = try await engine.redis.reply(
            to: RedisCommand("HGET", [keys.lease(cleanup), "run"]))
        try await Operations(engine: engine).pause(cleanup, by: person, why: why)
        var answer = Answer(isDone: true, message: "\(cleanup) is paused on every instance")
        if let text = earlier.string {
            let pause = CleanupPause(text: text)
            answer.remark += " (it was before, by \(pause.by): \(pause.why))"
        }
        if let run = run.string {
            answer.remark += "; \(run), under way, goes on to its end unless “curfew cancel \(cleanup)” stops it"
        }
        return answer
    }

    /// Lets a paused cleanup run again.
    ///
    /// - Parameter skip: whether what it missed is left.
    package func resume(_ cleanup: String, skip: Bool = false) async throws(CurfewError) -> Answer {
        let resumption = try await Operations(engine: engine).resume(cleanup, by: person, skip: skip)
        if !resumption.isDone { try await check(cleanup) }
        return Answer(
            isDone: resumption.isDone, message: resumption.message, due: resumption.isDone ? resumption.due : nil,
            missed: resumption.isDone ? resumption.missed : nil)
    }

    /// Asks the run under way to stop after the page in hand, whoever runs it.
    package func cancel(_ cleanup: String) async throws(CurfewError) -> Answer {
        guard let run = try await Operations(engine: engine).cancel(cleanup, by: person) else {
            try await check(cleanup)
            return Answer(isDone: false, message: "\(cleanup) is not running")
        }
        return Answer(
            isDone: true, message: "\(run) is asked to stop; what it has not done is left to the next run",
            stopped: run)
    }

    /// Throws where neither the configuration nor the schedule has a cleanup of that name.
    ///
    /// One that is only on the schedule is another instance's: it may be paused all the same.
    private func check(_ cleanup: String) async throws(CurfewError) {
        guard engine.configuration.cleanup(named: cleanup) == nil else { return }
        let score = RedisCommand("ZSCORE", [engine.keys.schedule, cleanup])
        let isScheduled = !(try await engine.redis.reply(to: score).isNull)
        guard isScheduled else { throw engine.unknown(cleanup: cleanup) }
    }
}

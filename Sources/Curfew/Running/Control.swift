package import Policies
internal import RedisClient

/// The operations of people and programs on a cleanup, with their messages: the same for the command line, the HTTP API
/// and the dashboard.
package struct Control: Sendable {
    /// The engine.
    package let engine: Engine
    /// The person who requests it, recorded with every operation.
    package let person: String

    /// Creates the control for a person.
    package init(engine: Engine, person: String) {
        self.engine = engine
        self.person = person
    }

    /// The result of an operation without a run.
    package struct Answer: Sendable {
        /// Whether it was done; false if there was nothing to do.
        package var isDone: Bool
        /// What was done, in one sentence.
        package var message: String
        /// A further remark, which continues the sentence.
        package var remark = ""
        /// The run that was asked to stop.
        package var stopped: String?
        /// When a resumed cleanup runs; nil if unknown.
        package var due: Timestamp?
        /// How many scheduled times a resumed cleanup has missed.
        package var missed: Int?
    }
}

// MARK: - Runs

extension Control {
    /// The options of a requested run.
    package struct RunOptions: Sendable {
        /// Whether it is a dry run.
        package var dryRun: Bool
        /// The most records to change.
        package var limit: Int?
        /// A timeout instead of the configured ones.
        package var timeout: Duration?
        /// Whether it overrides the guard.
        package var overrideGuard: Bool
        /// Why it does, for the events.
        package var why: String?
        /// Whether removed records are kept, so that they can be restored.
        package var keepsTrash: Bool
        /// The plan that it executes, and nothing else.
        package var plan: Plan?
        /// Whether it waits if another instance holds the lease.
        package var waits: Bool

        /// Creates options; the defaults are those of a scheduled run.
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
    /// Throws a ``ClaimRefusal`` if another instance runs it or it is paused.
    package func run(
        _ cleanup: Cleanup, _ options: RunOptions = RunOptions(), trigger: String = "manual"
    ) async throws -> Run {
        let kind = options.dryRun ? "dry run" : options.plan == nil ? nil : "a plan"
        let override = options.overrideGuard ? options.why.map { "over the guard, because \($0)" } : nil
        let detail = [kind, override].compactMap(\.self).joined(separator: ", ")
        let (claim, clock) = try await claim(
            cleanup, trigger: trigger, isDryRun: options.dryRun || cleanup.isDryRun, detail: detail,
            waits: options.waits)
        return Run(
            engine: engine, cleanup: cleanup, claim: claim, clock: clock, limit: options.limit,
            timeout: options.plan?.timeoutMs.map { .milliseconds($0) } ?? options.timeout,
            keepsTrash: options.keepsTrash, task: options.plan.map { .plan($0) } ?? .due,
            overriddenBy: options.overrideGuard ? person : nil)
    }

    /// Claims a cleanup to undo one of its runs.
    ///
    /// Throws like ``run(_:_:trigger:)``.
    package func undo(_ undo: Undo, waits: Bool = false) async throws -> Run {
        let (claim, clock) = try await claim(
            undo.cleanup, trigger: Trigger.undo, isDryRun: false, detail: undo.subject, waits: waits)
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
                // Long enough to cause little load, short enough to notice the end soon.
                try await Task.sleep(for: min(.milliseconds(500), engine.coordinator.lease / 4))
            case .paused(let text):
                throw ClaimRefusal.paused(cleanup: cleanup.name, CleanupPause(text: text))
            case .nothing:
                throw CurfewError(.damaged, "the claim of \(cleanup.name) got no answer")
            }
        }
    }
}

/// Why a cleanup can't be claimed now.
package enum ClaimRefusal: Error, CustomStringConvertible {
    /// Another run of it is active.
    case held(cleanup: String, holder: String, run: String, until: Timestamp)
    /// It is paused.
    case paused(cleanup: String, CleanupPause)

    /// The refusal in a sentence.
    package var description: String {
        switch self {
        case .held(let cleanup, let holder, let run, let end):
            "\(cleanup) is already running on \(holder) (\(run), lease until \(end.iso8601))"
        case .paused(let cleanup, let pause): "\(cleanup) was paused by \(pause.by) at \(pause.at): \(pause.why)"
        }
    }
}

// MARK: - Without a run

extension Control {
    /// Pauses a cleanup on every instance until it is resumed.
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
            answer.remark += " (it was already paused by \(pause.by): \(pause.why))"
        }
        if let run = run.string {
            answer.remark += "; its current run \(run) continues unless you stop it with “curfew cancel \(cleanup)”"
        }
        return answer
    }

    /// Resumes a paused cleanup.
    ///
    /// - Parameter skip: whether missed runs are skipped.
    package func resume(_ cleanup: String, skip: Bool = false) async throws(CurfewError) -> Answer {
        let resumption = try await Operations(engine: engine).resume(cleanup, by: person, skip: skip)
        if !resumption.isDone { try await check(cleanup) }
        return Answer(
            isDone: resumption.isDone, message: resumption.message, due: resumption.isDone ? resumption.due : nil,
            missed: resumption.isDone ? resumption.missed : nil)
    }

    /// Asks the current run to stop after its current page, on whichever instance it runs.
    package func cancel(_ cleanup: String) async throws(CurfewError) -> Answer {
        guard let run = try await Operations(engine: engine).cancel(cleanup, by: person) else {
            try await check(cleanup)
            return Answer(isDone: false, message: "\(cleanup) is not running")
        }
        return Answer(
            isDone: true, message: "\(run) was asked to stop; the next run continues",
            stopped: run)
    }

    /// Takes a cleanup that no file has any more off the schedule.
    ///
    /// Throws if an instance still has it, or it is running.
    package func forget(_ cleanup: String) async throws(CurfewError) -> Answer {
        try await Operations(engine: engine).forget(cleanup, by: person)
        return Answer(isDone: true, message: "\(cleanup) is forgotten; its history and its events stay")
    }

    /// Throws if neither the configuration nor the schedule has a cleanup of that name.
    private func check(_ cleanup: String) async throws(CurfewError) {
        guard try await engine.knows(cleanup: cleanup) else { throw engine.unknown(cleanup: cleanup) }
    }
}

internal import Policies
internal import RedisClient

extension CurfewClient {
    /// How a run differs from a scheduled one.
    public struct RunOptions: Sendable {
        /// Whether nothing is changed.
        public var dryRun = false
        /// The most records to change, at least 1; nil for the configured number.
        public var limit: Int?
        /// A timeout instead of the configured ones.
        public var timeout: Duration?
        /// Whether removed records are kept, so that an undo can restore them.
        public var keepsTrash = true
        /// Whether to wait while another run of the cleanup holds its lease.
        public var waits = false
        /// Why the guard is overridden, recorded with the person, 1–500 characters; nil if it isn't.
        public var overridingGuard: String?

        /// The options of a scheduled run, but for these.
        public init(dryRun: Bool = false, limit: Int? = nil, timeout: Duration? = nil, waits: Bool = false) {
            (self.dryRun, self.limit, self.timeout, self.waits) = (dryRun, limit, timeout, waits)
        }

        func check() throws(CurfewError) {
            if let limit, limit < 1 { throw CurfewError(.usage, "the limit is \(limit): expected 1 or more") }
            if let timeout, timeout <= .zero { throw CurfewError(.usage, "the timeout must be longer than 0") }
        }

        var asked: Control.RunOptions {
            var options = Control.RunOptions(
                dryRun: dryRun, limit: limit, timeout: timeout, overrideGuard: overridingGuard != nil,
                keepsTrash: keepsTrash)
            options.why = overridingGuard
            return options
        }
    }

    /// Runs a cleanup now, under its lease.
    ///
    /// If the task is cancelled, the run stops after its current page, gives its lease back, and is returned with the
    /// status `cancelled`: what it has changed stays changed, and the next run continues. If it is cancelled before the
    /// lease is claimed, an error is thrown.
    ///
    /// - Parameters:
    ///   - cleanup: the name of a cleanup; it needn't be enabled.
    ///   - options: how the run differs from a scheduled one.
    /// - Returns: the result. Errors of records, and what ended the run early, are part of it.
    /// - Throws: ``CurfewError/Code/usage`` for an unknown cleanup or an impossible option, ``CurfewError/Code/held`` if
    ///   another run of it is active, ``CurfewError/Code/paused``, ``CurfewError/Code/unreachable``.
    public func run(
        _ cleanup: String, _ options: RunOptions = RunOptions()
    ) async throws(CurfewError) -> RunResult {
        let known = try named(cleanup)
        try options.check()
        if let reason = options.overridingGuard { try check(reason: reason, for: "overriding the guard") }
        let control = control
        return try await execute(waits: options.waits) { try await control.run(known, options.asked) }
    }

    /// Puts back what a run has changed, record by record.
    ///
    /// A record that has changed since then is left as it is, and listed in the result. Refunds are taken back.
    ///
    /// - Parameters:
    ///   - run: the run, such as `stuck-jobs-41`.
    ///   - record: the id of the only record to put back; nil for all.
    ///   - waits: whether to wait while another run of the cleanup holds its lease.
    /// - Returns: the result of the undo, which is a run of its own; cancelled as ``run(_:_:)`` is.
    /// - Throws: ``CurfewError/Code/usage`` for a run that is unknown, hasn't ended, or can't be undone; otherwise as
    ///   ``run(_:_:)``.
    public func undo(
        _ run: String, record: String? = nil, waits: Bool = false
    ) async throws(CurfewError) -> RunResult {
        let (engine, control) = (engine, control)
        return try await execute(waits: waits) {
            try await control.undo(try await Undo.find(run.fromProgram, record: record?.fromProgram, engine))
        }
    }

    /// Claims and executes, again and again where it may wait for the lease.
    private func execute(
        waits: Bool, _ claim: @escaping @Sendable () async throws -> Run
    ) async throws(CurfewError) -> RunResult {
        while true {
            do {
                return try await executeOnce(claim)
            } catch {
                guard waits, error.code == .held else { throw error }
            }
            do {
                // Long enough to cause little load, short enough to notice the end soon.
                try await Task.sleep(for: min(.milliseconds(500), engine.coordinator.lease / 4))
            } catch {
                throw CurfewError(anyOf: error)
            }
        }
    }

    /// Claims and executes in a task of its own: the cancellation of this one asks the run to stop, and ends no command
    /// of a claim or a commit whose outcome would then be unknown.
    private func executeOnce(_ claim: @escaping @Sendable () async throws -> Run) async throws(CurfewError) -> RunResult
    {
        let hand = RunInHand()
        let number = try work.begin(hand)
        defer { work.ended(number) }
        if Task.isCancelled {
            hand.end()
            throw CurfewError(anyOf: CancellationError())
        }
        let logger = engine.logger
        let task = Task {
            defer { hand.end() }
            let run = try await claim()
            hand.claimed(run.control)
            let result = await run.execute()
            await Ping(of: run.cleanup, logger: logger).send(after: result) { hand.isStopping }
            return result
        }
        do {
            return try await withTaskCancellationHandler {
                try await task.value.forProgram
            } onCancel: {
                hand.stop(.cancelled(by: "the task that asked for it"))
            }
        } catch {
            throw mapped(error)
        }
    }
}

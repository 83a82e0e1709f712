internal import Policies
internal import RedisClient

/// What a cleanup would do now or at a later time: the same sweep without the commit.
///
/// It takes no lease and writes nothing.
package struct Preview: Sendable {
    let engine: Engine

    /// Creates previews.
    package init(engine: Engine) {
        self.engine = engine
    }

    /// Previews a run.
    ///
    /// - Parameter ahead: how much later than now, on the server's clock.
    package func run(
        _ cleanup: Cleanup, ahead: Duration = .zero, limit: Int? = nil, timeout: Duration? = nil
    ) async throws(CurfewError) -> RunResult {
        try await run(cleanup, ahead: ahead, limit: limit, timeout: timeout, review: nil)
    }

    /// The same, with a plan draft that collects the changes.
    func run(
        _ cleanup: Cleanup, ahead: Duration = .zero, limit: Int?, timeout: Duration?,
        review: (@Sendable ([Evaluation]) -> [Evaluation])?
    ) async throws(CurfewError) -> RunResult {
        let clock = try await engine.serverClock()
        let control = RunControl(trust: nil, timeout: cleanup.runTimeout)
        let began = clock.now
        let changed = timeout.map(cleanup.with(timeout:)) ?? cleanup
        let outcome: Sweep.Outcome
        do {
            let scan = KeyspaceScan(engine: engine, cleanup: changed, control: control)
            let found = cleanup.index == nil && cleanup.scan != nil ? try await scan.entries() : nil
            // Like a run, it uses the time from before a recent clock step.
            let step = try await ClockAlert.read(from: engine.store).step
            let correction = step?.correction(for: changed, at: began) ?? .zero
            outcome = await Sweep(
                engine: engine, cleanup: changed, claim: nil, control: control, clock: clock,
                options: .init(
                    ahead: ahead + correction, timeout: timeout, limit: limit ?? cleanup.limit, review: review),
                found: found
            ).run()
        } catch {
            throw Self.error(error)
        }
        let refusal = outcome.error as? RunGuard.Refusal
        if let error = outcome.error, refusal == nil { throw Self.error(error) }
        let status: RunResult.Status = outcome.counters.failed > 0 ? .completedWithErrors : .completed
        return RunResult(
            run: "", cleanup: cleanup.name, instance: engine.instance.id, fence: 0, trigger: "preview", dryRun: true,
            status: refusal == nil ? status : .refused, startedAt: began.iso8601, duration: clock.now - began,
            counters: outcome.counters, error: refusal?.message)
    }

    /// The result for a cleanup that can't be previewed, when several are.
    package func failed(_ cleanup: Cleanup, _ error: CurfewError) async throws(CurfewError) -> RunResult {
        let now = try await engine.serverClock().now
        return RunResult(
            run: "", cleanup: cleanup.name, instance: engine.instance.id, fence: 0, trigger: "preview", dryRun: true,
            status: .failed, startedAt: now.iso8601, duration: .zero, counters: RunCounters(), error: error.message)
    }

    private static func error(_ error: any Error) -> CurfewError {
        if case RunControl.Stop.timedOut = error {
            return CurfewError(.server, "the preview took longer than the run-timeout")
        }
        return CurfewError(thrown: error) ?? CurfewError(.server, "\(error)")
    }
}

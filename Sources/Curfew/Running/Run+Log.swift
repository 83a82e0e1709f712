internal import Logging
internal import Policies
internal import Tracing

/// What the log says of a run: a line when it starts and one when it ends.
extension Run {
    /// The line at the start.
    func logStart() {
        var facts: Logger.Metadata = [
            "run": "\(claim.run)", "cleanup": "\(cleanup.name)", "trigger": "\(claim.trigger)",
        ]
        if claim.isDryRun { facts["dry_run"] = "true" }
        if let lost = claim.replaces { facts["replaces"] = "\(lost)" }
        engine.logger.info("run started", metadata: facts)
    }

    /// What its span says of it from the start.
    var spanAttributes: SpanAttributes {
        [
            "curfew.cleanup": .string(cleanup.name), "curfew.run": .string(claim.run),
            "curfew.fence": .string(claim.fence), "curfew.trigger": .string(claim.trigger),
            "curfew.dry_run": .bool(claim.isDryRun),
        ]
    }

    /// The line at the end, with all counts; each action has a key of its own, as in the metrics: `action:retry`.
    func logEnd(_ result: RunResult) {
        var facts: Logger.Metadata = [
            "run": "\(claim.run)", "cleanup": "\(cleanup.name)", "status": "\(result.status.rawValue)",
            "found": .stringConvertible(result.totalFound), "changed": .stringConvertible(result.cleanedUp),
            "retried": .stringConvertible(result.retried), "skipped": .stringConvertible(result.skipped),
            "failed": .stringConvertible(result.failed), "refunded": .stringConvertible(result.tokensRefunded),
            "duration_ms": .stringConvertible(result.durationMs),
        ]
        for (action, count) in result.actions { facts["action:" + action] = .stringConvertible(count) }
        if claim.isDryRun { facts["dry_run"] = "true" }
        let isBad = [.failed, .lost, .refused, .timedOut].contains(result.status)
        // That a run was cancelled or handed over is no error.
        if let why = result.error { facts[isBad ? "error" : "reason"] = "\(why)" }
        engine.logger.log(level: isBad ? .warning : .info, "run ended", metadata: facts)
    }
}

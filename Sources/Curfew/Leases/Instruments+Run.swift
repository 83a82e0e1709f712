internal import Metrics
internal import Policies
internal import Tracing

/// What a run tells those who watch it.
extension Instruments {
    /// Counts the end of a run.
    func ended(_ result: RunResult) {
        guard let metrics else { return }
        let cleanup = ("cleanup", result.cleanup)
        Counter(
            label: "curfew_runs_total",
            dimensions: [cleanup, ("status", result.status.rawValue), ("dry_run", String(result.dryRun))],
            factory: metrics
        ).increment()
        Timer(label: "curfew_run_duration_seconds", dimensions: [cleanup], factory: metrics)
            .recordMilliseconds(result.durationMs)
        // An undo takes back what was counted, and a counter never decreases.
        guard !result.dryRun, result.undoes == nil else { return }
        for (action, count) in result.actions {
            Counter(
                label: "curfew_records_changed_total", dimensions: [cleanup, ("action", action)], factory: metrics
            ).increment(by: count)
        }
        Counter(label: "curfew_records_failed_total", dimensions: [cleanup], factory: metrics)
            .increment(by: result.failed)
        FloatingPointCounter(label: "curfew_tokens_refunded_total", dimensions: [cleanup], factory: metrics)
            .increment(by: result.tokensRefunded.approximate)
    }
}

extension RunResult {
    /// What a span says of a run when it has ended.
    func describe(_ span: any Span) {
        span.attributes["curfew.status"] = status.rawValue
        span.attributes["curfew.found"] = totalFound
        span.attributes["curfew.changed"] = cleanedUp
        span.attributes["curfew.skipped"] = skipped
        span.attributes["curfew.failed"] = failed
        if [.failed, .lost, .refused, .timedOut].contains(status) {
            span.setStatus(SpanStatus(code: .error, message: error))
        }
    }
}

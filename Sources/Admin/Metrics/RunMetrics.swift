internal import Curfew
internal import Synchronization

/// Counters and histograms over the runs of all instances, updated from the streams on every scrape.
///
/// All instances therefore return the same values, except for what ended between two scrapes and before the first
/// scrape: a new process starts with what the streams still contain. Sum over cleanups, never over instances.
final class RunMetrics: Sendable {
    /// The most entries that one scrape reads from a stream; the next scrape continues.
    static let mostRead = 100_000
    /// The most record types per cleanup.
    static let mostTypes = 100

    private struct State {
        var isReading = false
        var lastRun = "0-0"
        var lastMeasurement = "0-0"
        var counts = Counts()
    }

    /// The values so far.
    struct Counts: Sendable {
        /// Runs by cleanup, status and dry run.
        var runs: [[String]: Double] = [:]
        /// Sums by field and cleanup.
        var sums: [[String]: Double] = [:]
        /// Timed-out records by cleanup and type.
        var types: [[String]: Double] = [:]
        /// By cleanup: the duration and the delay of runs.
        var durations: [String: Histogram] = [:], lags: [String: Histogram] = [:]
        /// The last measurement of each instance.
        var instances: [String: StreamEntry] = [:]
    }

    private let state = Mutex(State())

    /// The values including new entries.
    func counts(_ engine: Engine) async throws -> Counts {
        let begin = state.withLock { state -> (run: String, measurement: String, counts: Counts)? in
            guard !state.isReading else { return nil }
            state.isReading = true
            return (state.lastRun, state.lastMeasurement, state.counts)
        }
        // Another scrape is reading; its starting point is at most one scrape old.
        guard var (run, measurement, counts) = begin else { return state.withLock(\.counts) }
        defer { state.withLock { $0.isReading = false } }
        try await read(engine.keys.runs, from: &run, engine) { counts.add(run: $0) }
        try await read(engine.keys.metrics, from: &measurement, engine) { counts.add(measurement: $0) }
        state.withLock { state in (state.lastRun, state.lastMeasurement, state.counts) = (run, measurement, counts) }
        return counts
    }

    private func read(
        _ stream: String, from last: inout String, _ engine: Engine, _ add: (StreamEntry) -> Void
    ) async throws {
        var read = 0
        while read < Self.mostRead {
            let entries = try await History(engine: engine).entries(of: stream, after: last)
            for entry in entries { add(entry) }
            read += entries.count
            last = entries.last?.id ?? last
            if entries.count < 1_000 { return }
        }
    }
}

extension RunMetrics.Counts {
    /// The fields of a run that are added up, with their metrics.
    static let sums = [
        ("found", "curfew_records_found_total", "Records found past their time."),
        ("changed", "curfew_records_changed_total", "Records changed, retried ones included."),
        ("retried", "curfew_records_retried_total", "Records retried."),
        ("skipped", "curfew_records_skipped_total", "Records that changed before the commit and were skipped."),
        ("failed", "curfew_records_failed_total", "Records with errors."),
        ("refunded", "curfew_tokens_refunded_total", "Tokens refunded."),
        ("bytes_freed", "curfew_freed_bytes_total", "Bytes freed in object storage."),
        ("absent", "curfew_objects_absent_total", "Objects to delete that did not exist."),
    ]

    /// Adds an ended run.
    mutating func add(run: StreamEntry) {
        let cleanup = run["cleanup"] ?? ""
        let isDry = run["dry_run"] == "1"
        runs[[cleanup, run["status"] ?? "", isDry ? "true" : "false"], default: 0] += 1
        func number(_ name: String) -> Double { run[name].flatMap(Double.init) ?? 0 }
        if !isDry {
            // A counter never decreases, so the results of an undo are left out.
            for (field, name, _) in Self.sums { sums[[name, cleanup], default: 0] += max(0, number(field)) }
        }
        let (due, started, finished) = (number("due_ms"), number("started_ms"), number("finished_ms"))
        if started > 0, finished >= started {
            durations[cleanup, default: Histogram()].observe((finished - started) / 1_000)
        }
        if run["trigger"] == "schedule", due > 0, started > 0 {
            lags[cleanup, default: Histogram()].observe(max(0, started - due) / 1_000)
        }
    }

    /// Adds a measurement.
    mutating func add(measurement: StreamEntry) {
        if measurement["kind"] == "instance", let id = measurement["instance"] {
            if instances[id] == nil, instances.count >= 1_000 { instances = [:] }
            instances[id] = measurement
        }
        guard measurement["kind"] == "run", let cleanup = measurement["cleanup"] else { return }
        for (name, value) in measurement.fields where name.hasPrefix("type:") {
            var key = [cleanup, String(name.dropFirst("type:".count))]
            // Types come from records, so there may be as many types as records.
            if types[key] == nil, types.count(where: { $0.key[0] == cleanup }) >= RunMetrics.mostTypes {
                key[1] = "other"
            }
            types[key, default: 0] += max(0, Double(value) ?? 0)
        }
    }
}

internal import Curfew
internal import Synchronization

/// Counters and histograms over the runs of all instances, made by reading on in the streams with every scrape.
///
/// Every instance therefore answers the same, apart from what ended in between and from when each of them was first asked:
/// a process begins with what the streams still hold. Sum them over cleanups, never over instances.
final class RunMetrics: Sendable {
    /// The most entries that one scrape reads of a stream; the next one goes on.
    static let mostRead = 100_000
    /// The most types of records that are told apart for one cleanup.
    static let mostTypes = 100

    private struct State {
        var isReading = false
        var lastRun = "0-0"
        var lastMeasurement = "0-0"
        var counts = Counts()
    }

    /// What has been counted so far.
    struct Counts: Sendable {
        /// Runs by cleanup, status and whether they only watched.
        var runs: [[String]: Double] = [:]
        /// Sums by the name of the field and the cleanup.
        var sums: [[String]: Double] = [:]
        /// Records past their time by cleanup and type.
        var types: [[String]: Double] = [:]
        /// By cleanup: how long runs took, and how late they began.
        var durations: [String: Histogram] = [:], lags: [String: Histogram] = [:]
        /// The last measurement of each instance.
        var instances: [String: StreamEntry] = [:]
    }

    private let state = Mutex(State())

    /// What has been counted by now, new entries included.
    func counts(_ engine: Engine) async throws -> Counts {
        let begin = state.withLock { state -> (run: String, measurement: String, counts: Counts)? in
            guard !state.isReading else { return nil }
            state.isReading = true
            return (state.lastRun, state.lastMeasurement, state.counts)
        }
        // Another scrape is reading: what it began with is at most that much older.
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
    /// The fields of a run that are added up, and what their counters are called.
    static let sums = [
        ("found", "curfew_records_found_total", "Records found past their time."),
        ("changed", "curfew_records_changed_total", "Records changed, retried ones included."),
        ("retried", "curfew_records_retried_total", "Records given another try."),
        ("skipped", "curfew_records_skipped_total", "Records that had moved when they were to be changed."),
        ("failed", "curfew_records_failed_total", "Records that could not be dealt with."),
        ("refunded", "curfew_tokens_refunded_total", "Tokens given back."),
        ("bytes_freed", "curfew_freed_bytes_total", "Bytes freed in storage."),
        ("absent", "curfew_objects_absent_total", "Objects that were to be deleted and were not there."),
    ]

    /// Counts an ended run.
    mutating func add(run: StreamEntry) {
        let cleanup = run["cleanup"] ?? ""
        let isDry = run["dry_run"] == "1"
        runs[[cleanup, run["status"] ?? "", isDry ? "true" : "false"], default: 0] += 1
        func number(_ name: String) -> Double { run[name].flatMap(Double.init) ?? 0 }
        if !isDry {
            // A counter never falls: what an undo takes back has no part in it.
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

    /// Counts a measurement.
    mutating func add(measurement: StreamEntry) {
        if measurement["kind"] == "instance", let id = measurement["instance"] {
            if instances[id] == nil, instances.count >= 1_000 { instances = [:] }
            instances[id] = measurement
        }
        guard measurement["kind"] == "run", let cleanup = measurement["cleanup"] else { return }
        for (name, value) in measurement.fields where name.hasPrefix("type:") {
            var key = [cleanup, String(name.dropFirst("type:".count))]
            // Types come from records: there may be as many as there are records.
            if types[key] == nil, types.count(where: { $0.key[0] == cleanup }) >= RunMetrics.mostTypes {
                key[1] = "other"
            }
            types[key, default: 0] += max(0, Double(value) ?? 0)
        }
    }
}

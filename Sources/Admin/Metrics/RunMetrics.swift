internal import Curfew
internal import Foundation
internal import Policies
internal import Synchronization

/// Counters and histograms over the runs of all instances, updated from the streams on every scrape.
///
/// All instances therefore return the same values, except for what ended between two scrapes and before the first
/// scrape: a new process starts with what the streams still contain. Sum over cleanups, never over instances.
final class RunMetrics: Sendable {
    /// The most entries that one scrape reads from a stream; the next scrape continues.
    static let mostRead = 100_000
    /// The most record types per cleanup, and of all cleanups together.
    static let mostTypes = 100, mostTypesOfAll = 1_000
    /// The most instances whose last measurement is kept.
    static let mostInstances = 5_000

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
        /// Changed records by cleanup and action; an empty action where the run doesn't tell.
        var actions: [[String]: Double] = [:]
        /// Timed-out records, and records looked at, by cleanup and type.
        var types: [[String]: Double] = [:], seen: [[String]: Double] = [:]
        /// By how much counters were off, by cleanup.
        var drifts: [String: Double] = [:]
        /// The last measurement of each cleanup.
        var last: [String: Measurement] = [:]
        /// By cleanup: the duration and the delay of runs.
        var durations: [String: Histogram] = [:], lags: [String: Histogram] = [:]
        /// Groups of runs by type and status, and their durations by type.
        var groups: [[String]: Double] = [:], groupDurations: [String: Histogram] = [:]
        /// The last measurement of each instance.
        var instances: [String: StreamEntry] = [:]
    }

    /// What the last run of a cleanup left.
    struct Measurement: Sendable {
        /// Records past their time that are still being processed.
        var stalled: Double?
        /// How long the oldest remaining record has been due, in seconds.
        var oldestOverdue: Double?
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
            if entries.count < History.mostNew { return }
        }
    }
}

extension RunMetrics.Counts {
    /// The fields of a run that are added up, with their metrics.
    static let sums = [
        ("found", "curfew_records_found_total", "Records found past their time."),
        ("retried", "curfew_records_retried_total", "Records retried."),
        ("skipped", "curfew_records_skipped_total", "Records that changed before the commit and were skipped."),
        ("failed", "curfew_records_failed_total", "Records with errors."),
        ("refunded", "curfew_tokens_refunded_total", "Tokens refunded."),
        ("bytes_freed", "curfew_freed_bytes_total", "Bytes freed in object storage."),
        ("absent", "curfew_objects_absent_total", "Objects to delete that did not exist."),
    ]

    /// Those that only runs of files have.
    private static let sumsOfFiles: Set = ["bytes_freed", "absent"]

    /// Adds an ended run.
    mutating func add(run: StreamEntry) {
        let cleanup = run["cleanup"] ?? ""
        let isDry = run["dry_run"] == "1"
        runs[[cleanup, run["status"] ?? "", isDry ? "true" : "false"], default: 0] += 1
        func number(_ name: String) -> Double { run[name].flatMap(Double.init) ?? 0 }
        if !isDry {
            // A counter never decreases, so the results of an undo are left out.
            // Only files have bytes and objects.
            let isFiles = run["policy"].map { $0 == PolicyKind.files.rawValue } ?? true
            for (field, name, _) in Self.sums where isFiles || !Self.sumsOfFiles.contains(field) || number(field) > 0 {
                sums[[name, cleanup], default: 0] += max(0, number(field))
            }
            add(changed: max(0, number("changed")), as: run["actions"], of: cleanup)
        }
        let (due, started, finished) = (number("due_ms"), number("started_ms"), number("finished_ms"))
        if started > 0, finished >= started {
            durations[cleanup, default: Histogram()].observe((finished - started) / 1_000)
        }
        if run["trigger"] == "schedule", due > 0, started > 0 {
            lags[cleanup, default: Histogram()].observe(max(0, started - due) / 1_000)
        }
    }

    /// Adds changed records by action.
    ///
    /// - Parameter text: JSON, action → count; nil or incomplete in runs of earlier versions.
    private mutating func add(changed: Double, as text: String?, of cleanup: String) {
        var rest = changed
        for (action, count) in Self.counts(text) where count > 0 {
            actions[[cleanup, action], default: 0] += count
            rest -= count
        }
        if rest > 0 { actions[[cleanup, ""], default: 0] += rest }
    }

    private static func counts(_ text: String?) -> [String: Double] {
        guard let text, !text.isEmpty else { return [:] }
        do {
            return try JSONDecoder().decode([String: Double].self, from: Data(text.utf8))
        } catch {
            // Another program has written it; the changes are counted without their actions.
            return [:]
        }
    }

    /// Adds a measurement.
    mutating func add(measurement: StreamEntry) {
        switch measurement["kind"] {
        case "instance":
            guard let id = measurement["instance"] else { return }
            if instances[id] == nil, instances.count >= RunMetrics.mostInstances { instances = [:] }
            instances[id] = measurement
        case "group":
            let type = measurement["type"] ?? ""
            groups[[type, measurement["status"] ?? ""], default: 0] += 1
            groupDurations[type, default: Histogram()].observe((Self.number(measurement, "duration_ms") ?? 0) / 1_000)
        case "run":
            if let cleanup = measurement["cleanup"] { add(measurement, of: cleanup) }
        default: return
        }
    }

    private static func number(_ entry: StreamEntry, _ name: String) -> Double? { entry[name].flatMap(Double.init) }

    private mutating func add(_ measurement: StreamEntry, of cleanup: String) {
        last[cleanup] = .init(
            stalled: Self.number(measurement, "stalled"),
            oldestOverdue: Self.number(measurement, "oldest_overdue_ms").map { $0 / 1_000 })
        // A dry run has neither changed nor ended anything.
        guard measurement["dry_run"] != "1" else { return }
        drifts[cleanup, default: 0] += Self.number(measurement, "drift")?.magnitude ?? 0
        var unnamed = Self.number(measurement, "seen") ?? 0
        for (name, value) in measurement.fields {
            let count = max(0, Double(value) ?? 0)
            if name.hasPrefix("type:") { Self.add(count, to: &types, [cleanup, String(name.dropFirst(5))]) }
            if name.hasPrefix("seen:") {
                Self.add(count, to: &seen, [cleanup, String(name.dropFirst(5))])
                unnamed -= count
            }
        }
        if unnamed > 0 { Self.add(unnamed, to: &seen, [cleanup, ""]) }
    }

    /// Adds records of a type.
    ///
    /// Types come from records, so there may be as many types as records.
    private static func add(_ count: Double, to types: inout [[String]: Double], _ key: [String]) {
        let isNew =
            types[key] == nil && !key[1].isEmpty
            && (types.count >= RunMetrics.mostTypesOfAll
                || types.count(where: { $0.key[0] == key[0] }) >= RunMetrics.mostTypes)
        types[isNew ? [key[0], NamedSeries.other] : key, default: 0] += count
    }
}

internal import Curfew

/// The schedule, leases, instances and backlog for people: the same lines for `status` and `watch`.
struct StatusView {
    let status: Status
    /// How many columns a line may have; nil for any number.
    var width: Int?

    /// All lines.
    var lines: [String] {
        var lines = cleanups + [""] + instances
        if !scans.isEmpty { lines += [""] + scans.flatMap { $0.wrapped(to: width) } }
        let warnings = (refusals + status.remarks + uncounted + owing).flatMap { ("! " + $0).wrapped(to: width) }
        let remarks =
            warnings.map(Style.yellow.callAsFunction)
            + pauses.flatMap { $0.wrapped(to: width) }.map(Style.dim.callAsFunction)
        if !remarks.isEmpty { lines += [""] + remarks }
        return lines
    }

    private var cleanups: [String] {
        var table = Table("CLEANUP", "POLICY", "SCHEDULE", "STATE", "WHEN", "RUN", "INSTANCE", "DONE", "TRACKED", "DUE")
        for cleanup in status.cleanups {
            table.add([
                (cleanup.name, .bold), (cleanup.policy ?? "-", nil), (cleanup.schedule ?? "-", nil),
                (cleanup.state, Self.style(of: cleanup.state)), (Self.when(cleanup), nil), (cleanup.run ?? "", nil),
                (cleanup.instance ?? "", nil), (Self.progress(cleanup), nil),
                (cleanup.tracked.map { String($0) } ?? "-", nil),
                (cleanup.backlog.map { String($0) } ?? "-", (cleanup.backlog ?? 0) > 0 ? .yellow : nil),
            ])
        }
        return status.cleanups.isEmpty
            ? ["no cleanup is configured or scheduled"]
            : table.lines(
                fitting: width, dispensable: ["POLICY", "SCHEDULE", "TRACKED", "INSTANCE", "RUN", "DONE", "WHEN"])
    }

    private var instances: [String] {
        guard !status.instances.isEmpty else { return ["no instance seen within a day"] }
        var table = Table("INSTANCE", "STATE", "SEEN", "VERSION", "CONFIG", "STARTED", "RUNNING")
        for instance in status.instances {
            table.add([
                (instance.id, .bold), (instance.isAlive ? "alive" : "gone", instance.isAlive ? .green : .red),
                (TimeText.distance(-max(0, instance.seenMsAgo)), nil), (instance.version ?? "-", nil),
                (instance.config.map { String($0.prefix(8)) } ?? "-", nil), (instance.startedAt ?? "-", nil),
                (instance.running.joined(separator: ", "), nil),
            ])
        }
        return table.lines(fitting: width, dispensable: ["STARTED", "CONFIG", "VERSION", "SEEN"])
    }

    private var scans: [String] {
        status.cleanups.compactMap { cleanup in
            cleanup.scan.map { "\(cleanup.name): \(Self.words(of: $0))".printable }
        }
    }

    private static func words(of scan: ScanStatus) -> String {
        let part = "\(scan.percent)% (\(scan.seen.grouped) of \(scan.keys.grouped) keys), added \(scan.added.grouped)"
        let next = scan.nextInMs.map { "next scan \(TimeText.distance($0))" } ?? "next scan now"
        switch scan.state {
        case "scanning": return "scanning \(part), on \(scan.instance ?? "-")"
        case "interrupted": return "scan interrupted at \(part)"
        case "never": return "not scanned yet"
        default: return "\(next); the last one added \(scan.added.grouped)"
        }
    }

    private var uncounted: [String] {
        status.cleanups.compactMap { cleanup in
            cleanup.uncounted.map { "the records of \(cleanup.name) can't be counted: \($0)" }
        }
    }

    private var refusals: [String] { status.cleanups.compactMap(\.refused) }

    private var owing: [String] {
        status.cleanups.compactMap { cleanup in
            guard let since = cleanup.owedSince, cleanup.paused == nil else { return nil }
            let next = cleanup.due.map { "; next try at \($0)" } ?? ""
            // Some errors of Redis end with a period.
            let error = cleanup.lastError ?? ""
            let reason = error.hasSuffix(".") ? String(error.dropLast()) : error
            return "\(cleanup.name) has not succeeded since it was due at \(since): \(reason)\(next)"
        }
    }

    private var pauses: [String] {
        status.cleanups.compactMap { cleanup in
            cleanup.paused.map { "\(cleanup.name) was paused by \($0.by) at \($0.at): \($0.why)".printable }
        }
    }

    private static func when(_ cleanup: Status.CleanupStatus) -> String {
        guard let distance = cleanup.inMs else { return "-" }
        switch cleanup.state {
        case "running": return "lease ends \(TimeText.distance(distance))"
        case "lost": return "lease ended \(TimeText.distance(distance))"
        case "paused", "disabled": return "-"
        default: return TimeText.distance(distance)
        }
    }

    private static func progress(_ cleanup: Status.CleanupStatus) -> String {
        guard cleanup.run != nil else { return "" }
        return "\(cleanup.progress ?? 0)% \(cleanup.step ?? "")"
    }

    private static func style(of state: String) -> Style? {
        switch state {
        case "running": .green
        case "due", "paused": .yellow
        case "lost": .red
        case "disabled", "unscheduled": .dim
        default: nil
        }
    }
}

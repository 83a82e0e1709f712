internal import Curfew

/// The schedule, leases, instances and backlog for people: the same lines for `status` and `watch`.
struct StatusView {
    let status: Status
    /// How many columns a line may have; nil for any number.
    var width: Int?

    /// All lines.
    var lines: [String] {
        var lines = headline + cleanups + [""] + instances
        if !scans.isEmpty { lines += [""] + scans.flatMap { $0.wrapped(to: width) } }
        return lines
    }

    /// The state of everything in one sentence, and what needs attention.
    private var headline: [String] {
        guard let concerns = status.concerns else { return [] }
        let style: Style = concerns.isEmpty ? .green : concerns[0].severity == .critical ? .red : .yellow
        let lines = concerns.flatMap { concern in
            let since = concern.sinceMs.map { " (since \(TimeText.moment(String($0))))" } ?? ""
            return ("! " + concern.text + since).wrapped(to: width).map(
                (concern.severity == .critical ? Style.red : .yellow).callAsFunction)
        }
        return status.headline.wrapped(to: width).map(style.callAsFunction) + lines + [""]
    }

    private var cleanups: [String] {
        var table = Table(
            "CLEANUP", "POLICY", "SCHEDULE", "STATE", "WHEN", "LAST", "ERRORS", "FAILED", "RUN", "INSTANCE", "DONE",
            "TRACKED", "DUE")
        for cleanup in status.cleanups {
            table.add([
                (cleanup.name, .bold), (cleanup.policy ?? "-", nil), (cleanup.schedule ?? "-", nil),
                (Self.state(cleanup), cleanup.isLate ? .red : Self.style(of: cleanup.state)), (Self.when(cleanup), nil),
                (cleanup.lastRun?.status ?? "-", cleanup.lastRun.flatMap { EntryView.style(ofRun: $0.status) }),
                (Self.some(cleanup.lastRun?.failed), .yellow), (Self.row(cleanup.lastRun), .red),
                (cleanup.run ?? "", nil),
                (cleanup.instance ?? "", nil), (Self.progress(cleanup), nil),
                (cleanup.tracked.map { String($0) } ?? "-", nil),
                (cleanup.backlog.map { String($0) } ?? "-", (cleanup.backlog ?? 0) > 0 ? .yellow : nil),
            ])
        }
        return status.cleanups.isEmpty
            ? ["no cleanup is configured or scheduled"]
            : table.lines(
                fitting: width,
                dispensable: ["POLICY", "SCHEDULE", "TRACKED", "INSTANCE", "RUN", "DONE", "ERRORS", "WHEN", "FAILED"],
                optional: ["RUN", "INSTANCE", "DONE", "ERRORS", "FAILED"])
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

    private static func state(_ cleanup: Status.CleanupStatus) -> String {
        switch cleanup.state {
        case "due" where cleanup.isLate: "overdue"
        case "waiting": "scheduled"
        default: cleanup.state
        }
    }

    /// A number that is worth reading if it isn't 0.
    private static func some(_ number: Int?) -> String { number.map { $0 == 0 ? "" : String($0) } ?? "" }

    /// How many runs have failed in a row.
    private static func row(_ last: LastRun?) -> String {
        guard let last, last.failuresInARow > 0 else { return "" }
        return last.failuresInARow == 1 ? "once" : "\(last.failuresInARow) in a row"
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

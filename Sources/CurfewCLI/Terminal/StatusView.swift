internal import Curfew

/// The schedule, leases, instances and backlog for people: the same lines for `status` and `watch`.
struct StatusView {
    let status: Status
    /// How many columns a line may have; nil for any number.
    var width: Int?
    /// Whether everything is listed, however much that is.
    var isAll = false

    /// How many lines of each kind are shown where not everything is.
    private static let (mostConcerns, mostRows, mostGone, mostGroups, mostScans) = (20, 30, 5, 15, 5)

    /// All lines.
    var lines: [String] {
        let isWhole =
            isAll
            || (status.cleanups.count <= Status.few && status.instances.count <= Status.few)
        var lines = headline(isWhole: isWhole)
        lines += isWhole || status.cleanups.count <= Status.few ? cleanups(status.cleanups) : urgentCleanups
        lines += [""]
        lines += isWhole || status.instances.count <= Status.few ? instances : instanceGroups
        let scans = isWhole ? scans : scans(where: { ["scanning", "interrupted"].contains($0) }).prefix(Self.mostScans)
        if !scans.isEmpty { lines += [""] + scans.flatMap { $0.wrapped(to: width) } }
        if !isWhole { lines += ["", "“--all” lists everything; so does “--json”"] }
        return lines
    }

    /// The cleanups that need attention or run, and how many others there are.
    private var urgentCleanups: [String] {
        let groups = CleanupGroup.all(status)
        let urgent: Set<CleanupGroup> = [.overdue, .failing, .alerting, .warning, .running]
        let shown = groups.filter { urgent.contains($0.group) }.flatMap(\.cleanups).prefix(Self.mostRows)
        var left = shown.count
        var rest: [String] = []
        for (group, members) in groups {
            let more = members.count - (urgent.contains(group) ? min(left, members.count) : 0)
            if urgent.contains(group) { left -= min(left, members.count) }
            if more > 0 { rest.append("\(more.grouped) \(group.rawValue)") }
        }
        let more = "\((status.cleanups.count - shown.count).grouped) more cleanups: " + rest.joined(separator: ", ")
        return (shown.isEmpty ? [] : cleanups(Array(shown))) + more.wrapped(to: width)
    }

    /// The instances by state, version and configuration, and the first ones that are gone.
    private var instanceGroups: [String] {
        struct Group: Hashable {
            var isAlive: Bool
            var version: String, config: String
        }
        let groups = Dictionary(grouping: status.instances) { instance in
            Group(
                isAlive: instance.isAlive, version: instance.version ?? "-",
                config: instance.config.map { String($0.prefix(8)) } ?? "-")
        }
        let all = groups.sorted { left, right in
            (left.key.isAlive ? 1 : 0, -left.value.count, left.key.version, left.key.config)
                < (right.key.isAlive ? 1 : 0, -right.value.count, right.key.version, right.key.config)
        }
        var table = Table("INSTANCES", "STATE", "VERSION", "CONFIG", "RUNNING")
        for (group, members) in all.prefix(Self.mostGroups) {
            table.add([
                (members.count.grouped, .bold), (group.isAlive ? "alive" : "gone", group.isAlive ? .green : .red),
                (group.version, nil), (group.config, nil),
                (members.reduce(0) { $0 + $1.running.count }.grouped, nil),
            ])
        }
        var lines = table.lines(fitting: width, dispensable: ["CONFIG", "VERSION"])
        if all.count > Self.mostGroups { lines.append("and \((all.count - Self.mostGroups).grouped) more groups") }
        let gone = status.instances.filter { !$0.isAlive }
        if !gone.isEmpty {
            let more = gone.count - Self.mostGone
            let names = gone.prefix(Self.mostGone).map(\.id).joined(separator: ", ")
            lines += "gone: \(names)\(more > 0 ? " and \(more.grouped) more" : "")".wrapped(to: width)
        }
        return lines
    }

    /// The state of everything in one sentence, and what needs attention.
    private func headline(isWhole: Bool) -> [String] {
        guard let concerns = status.concerns else { return [] }
        let style: Style = concerns.isEmpty ? .green : concerns[0].severity == .critical ? .red : .yellow
        let shown = isWhole ? concerns : Concern.some(of: concerns, most: Self.mostConcerns)
        var lines = shown.flatMap { concern in
            let since = concern.sinceMs.map { " (since \(TimeText.moment(String($0))))" } ?? ""
            return ("! " + concern.text + since).wrapped(to: width).map(
                (concern.severity == .critical ? Style.red : .yellow).callAsFunction)
        }
        if concerns.count > shown.count { lines.append("  and \((concerns.count - shown.count).grouped) more") }
        return status.headline.wrapped(to: width).map(style.callAsFunction) + lines + [""]
    }

    private func cleanups(_ cleanups: [Status.CleanupStatus]) -> [String] {
        var table = Table(
            "CLEANUP", "POLICY", "SCHEDULE", "STATE", "WHEN", "LAST", "ERRORS", "FAILED", "RUN", "INSTANCE", "DONE",
            "TRACKED", "DUE")
        for cleanup in cleanups {
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
        return cleanups.isEmpty
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

    private var scans: ArraySlice<String> { scans(where: { _ in true }) }

    private func scans(where passes: (String) -> Bool) -> ArraySlice<String> {
        status.cleanups.compactMap { cleanup in
            cleanup.scan.flatMap { passes($0.state) ? "\(cleanup.name): \(Self.words(of: $0))".printable : nil }
        }[...]
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

internal import Curfew
internal import Policies

/// What the first page shows, as read at one moment.
struct Overview: Sendable {
    /// The server's time.
    var now: Timestamp
    /// Schedule, leases, instances and backlog.
    var status: Status
    /// What fires now.
    var firing: [FiringAlert]
    /// The newest runs and changes.
    var runs: [StreamEntry], events: [StreamEntry]
    /// What alerts did lately.
    var alerts: [StreamEntry]
    /// What runs measured, by the hour.
    var hours: MeasuredHours
    /// Stale pauses, by the cleanup that looks after them.
    var pauses: [StalePauses]

    /// How many records are due now, of all cleanups together; nil where that isn't known of any.
    var due: Int64? {
        let numbers = status.cleanups.compactMap(\.backlog)
        return numbers.isEmpty ? nil : numbers.reduce(0) { $0 + Int64($1) }
    }

    /// A lateness that no scheduled run has where all is well: an idle instance looks that often at least.
    static let tolerance: Int64 = 60_000

    /// Something that a person ought to look at.
    struct Concern: Sendable, Equatable {
        /// How grave it is.
        enum Severity: String, Sendable {
            case warning, critical
        }

        /// How grave.
        var severity: Severity
        /// What, in one sentence.
        var text: String
        /// The page that says more.
        var link: String?
        /// When it began, where that is known and not in the sentence.
        var since: Timestamp?
    }

    /// What a person ought to look at, the gravest first; nothing where all is well.
    var concerns: [Concern] {
        var concerns: [Concern] = []
        if !status.instances.contains(where: \.isAlive) {
            concerns.append(Concern(severity: .critical, text: "No instance is alive: nothing runs by itself."))
        }
        for cleanup in status.cleanups {
            guard let text = Self.trouble(with: cleanup) else { continue }
            concerns.append(Concern(severity: .critical, text: text, link: Link.cleanup(cleanup.name)))
        }
        concerns += firing.map { alert in
            Concern(
                severity: alert.severity == "critical" ? .critical : .warning,
                text: "\(alert.alert) fires for \(alert.cleanup): \(alert.metric) is \(alert.value), "
                    + "the limit is \(alert.threshold).",
                link: Link.cleanup(alert.cleanup), since: Timestamp(milliseconds: alert.sinceMs))
        }
        concerns += status.remarks.filter { $0 != "no instance is alive" }.map {
            Concern(severity: .warning, text: $0.prefix(1).uppercased() + $0.dropFirst() + ".")
        }
        concerns += status.cleanups.compactMap { cleanup in
            cleanup.uncounted.map {
                Concern(
                    severity: .warning, text: "The records of \(cleanup.name) could not be counted: \($0)",
                    link: Link.cleanup(cleanup.name))
            }
        }
        concerns += status.cleanups.compactMap { cleanup in
            cleanup.paused.map {
                Concern(
                    severity: .warning, text: "\(cleanup.name) is paused by \($0.by): \($0.why)",
                    link: Link.cleanup(cleanup.name))
            }
        }
        return concerns.filter { $0.severity == .critical } + concerns.filter { $0.severity == .warning }
    }

    /// What is wrong with the schedule of a cleanup, in one sentence; nil where nothing is.
    static func trouble(with cleanup: Status.CleanupStatus) -> String? {
        guard let distance = cleanup.inMs else { return nil }
        switch cleanup.state {
        case "lost":
            return "\(cleanup.name) was left unfinished by \(cleanup.instance ?? "an instance") "
                + "\(TimeText.distance(distance)), and nobody has taken it over."
        case "due" where distance < -tolerance:
            return "\(cleanup.name) is overdue: it should have run \(TimeText.distance(distance))."
        default: return nil
        }
    }

    /// All of it in one sentence.
    var headline: String {
        let grave = concerns.filter { $0.severity == .critical }.count
        let light = concerns.count - grave
        let running = status.cleanups.filter { $0.state == "running" }.count
        let work = running == 0 ? "" : ", \(running) running now"
        switch (grave, light) {
        case (0, 0):
            return "All is well: \(Self.count(status.cleanups.count, "cleanup")) on time\(work)."
        case (0, _): return "Everything runs\(work); \(Self.count(light, "thing")) to look at."
        default: return "\(Self.count(grave, "thing")) \(grave == 1 ? "needs" : "need") attention."
        }
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}

internal import Curfew
internal import Policies

/// The content of the overview, as read at one moment.
struct Overview: Sendable {
    /// The server's time.
    var now: Timestamp
    /// The schedule, leases, instances and backlog.
    var status: Status
    /// The alerts that are firing.
    var firing: [FiringAlert]
    /// The newest runs and changes.
    var runs: [StreamEntry], events: [StreamEntry]
    /// The recent alert history.
    var alerts: [StreamEntry]
    /// The measurements of runs, by hour.
    var hours: MeasuredHours
    /// Stale pauses by cleanup.
    var pauses: [StalePauses]

    /// How many records are due now over all cleanups; nil if the number isn't known for any cleanup.
    var due: Int64? {
        let numbers = status.cleanups.compactMap(\.backlog)
        return numbers.isEmpty ? nil : numbers.reduce(0) { $0 + Int64($1) }
    }

    /// A lateness that isn't a problem: idle instances check at least this often.
    static let tolerance: Int64 = 60_000

    /// Something that a person should look at.
    struct Concern: Sendable, Equatable {
        /// Its severity.
        enum Severity: String, Sendable {
            case warning, critical
        }

        /// The severity.
        var severity: Severity
        /// One sentence.
        var text: String
        /// The page with details.
        var link: String?
        /// When it began, if that is known and not part of the sentence.
        var since: Timestamp?
    }

    /// The concerns, most severe first; empty if all is well.
    var concerns: [Concern] {
        var concerns: [Concern] = []
        if !status.instances.contains(where: \.isAlive) {
            concerns.append(Concern(severity: .critical, text: "No instance is alive: scheduled cleanups don't run."))
        }
        for cleanup in status.cleanups {
            guard let text = Self.trouble(with: cleanup) else { continue }
            concerns.append(Concern(severity: .critical, text: text, link: Link.cleanup(cleanup.name)))
        }
        concerns += firing.map { alert in
            Concern(
                severity: alert.severity == "critical" ? .critical : .warning,
                text: "\(alert.alert) is firing for \(alert.cleanup): \(alert.metric) \(alert.value), "
                    + "limit \(alert.threshold).",
                link: Link.cleanup(alert.cleanup), since: Timestamp(milliseconds: alert.sinceMs))
        }
        concerns += status.remarks.filter { $0 != "no instance is alive" }.map {
            Concern(severity: .warning, text: $0.prefix(1).uppercased() + $0.dropFirst() + ".")
        }
        concerns += status.cleanups.compactMap { cleanup in
            cleanup.uncounted.map {
                Concern(
                    severity: .warning, text: "The records of \(cleanup.name) can't be counted: \($0)",
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

    /// The problem with a cleanup's schedule, in one sentence; nil if there is none.
    static func trouble(with cleanup: Status.CleanupStatus) -> String? {
        guard let distance = cleanup.inMs else { return nil }
        switch cleanup.state {
        case "lost":
            return "\(cleanup.name) was left unfinished by \(cleanup.instance ?? "an instance") "
                + "\(TimeText.distance(distance)), and no instance has taken it over."
        case "due" where distance < -tolerance:
            return "\(cleanup.name) is overdue: it should have run \(TimeText.distance(distance))."
        default: return nil
        }
    }

    /// The state of everything in one sentence.
    var headline: String {
        let grave = concerns.filter { $0.severity == .critical }.count
        let light = concerns.count - grave
        let running = status.cleanups.filter { $0.state == "running" }.count
        let work = running == 0 ? "" : ", \(running) running now"
        switch (grave, light) {
        case (0, 0):
            return "All is well: \(Self.count(status.cleanups.count, "cleanup")) on time\(work)."
        case (0, _): return "All running\(work); \(Self.count(light, "warning"))."
        default: return "\(Self.count(grave, "thing")) \(grave == 1 ? "needs" : "need") attention."
        }
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}

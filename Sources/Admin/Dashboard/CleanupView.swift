internal import Curfew
internal import Policies

/// The content of a cleanup's page, as read at one moment.
struct CleanupView: Sendable {
    /// How many of the newest runs and changes are shown.
    static let newest = 25

    /// The server's time.
    var now: Timestamp
    /// The current state.
    var status: Status.CleanupStatus
    /// The configured cleanup; nil if this instance's configuration doesn't have it.
    var cleanup: Cleanup?
    /// Its newest runs and changes, found among the newest of all cleanups.
    var runs: History.Page, events: History.Page
    /// Its measurements by hour.
    var hours: MeasuredHours

    /// Reads everything with a bounded number of commands.
    ///
    /// - Parameter older: where the list of runs continues, from an earlier page.
    static func read(
        _ name: String, _ service: AdminService, _ reader: OverviewReader, older: String? = nil
    ) async throws -> CleanupView {
        let engine = service.engine
        let detail = try await service.cleanup(name)
        let now = try await engine.serverClock().now
        async let runs = runs(of: name, engine, reader, before: older)
        async let events = reader.newest.entries(of: engine.keys.events, cleanup: name, engine)
        async let hours = reader.measured(engine, now: now)
        return CleanupView(
            now: now, status: detail.cleanup, cleanup: engine.configuration.cleanup(named: name), runs: try await runs,
            events: try await events, hours: try await hours)
    }

    private static func runs(
        of name: String, _ engine: Engine, _ reader: OverviewReader, before older: String?
    ) async throws -> History.Page {
        guard let older else { return try await reader.newest.entries(of: engine.keys.runs, cleanup: name, engine) }
        return try await History(engine: engine).page(of: engine.keys.runs, newest, before: older) {
            $0["cleanup"] == name
        }
    }

    /// The parts of the page that are kept up to date.
    var fragments: [Fragment] {
        [
            Fragment(id: "state", content: state),
            Fragment(id: "charts", content: charts, isSlow: true),
            RunsTable.fragment(runs.entries, now: now, caption: "Runs of \(status.name)"),
            EventsTable.fragment(
                events.entries, now: now, caption: "Changes by \(status.name)", hasImages: true),
        ]
    }

    private var charts: HTML {
        OverviewFragments.charts(hours, of: status.name, now: now, dueNow: status.backlog.map(Int64.init))
    }

    private var state: HTML {
        .element("div", ["class": "facts"]) {
            fact("State", StateBadge.html(status))
            fact("Last run", status.lastRun == nil ? HTML("–") : OverviewFragments.lastRun(status, now: now))
            fact("Next", OverviewFragments.when(status))
            fact("Due", HTML(status.backlog.map { Wording.number($0) } ?? "–"))
            fact("Tracked", HTML(status.tracked.map { Wording.number($0) } ?? "–"))
            if let run = status.run { progress(of: run) }
            if let trouble = status.trouble {
                HTML.element("p", ["class": status.isGone ? "notice warning" : "notice critical"]) { trouble }
            }
            if let error = status.lastRun?.error, status.lastRun?.isFailure == true {
                HTML.element("p", ["class": "notice critical"]) { "The last run: \(error)" }
            }
            if let why = status.uncounted {
                HTML.element("p", ["class": "notice warning"]) { "The records can't be counted: \(why)" }
            }
            if let pause = status.paused {
                HTML.element("p", ["class": "notice warning"]) { "Paused by \(pause.by) at \(pause.at): \(pause.why)" }
            }
            if let scan = status.scan {
                HTML.element("p", ["class": "note"]) {
                    "Scan of the keyspace: \(scan.state), \(scan.percent)%, "
                        + "\(Wording.number(scan.added)) records added."
                }
            }
        }
    }

    private func progress(of run: String) -> HTML {
        let percent = min(100, max(0, status.progress ?? 0))
        return .element("div", ["class": "under-way"]) {
            HTML.element("p") {
                HTML.element("bdi") { run }
                " on "
                HTML.element("bdi") { status.instance ?? "" }
                ": \(percent)%, \(status.step ?? ""), \(Wording.number(status.found ?? 0)) found, "
                    + "\(Wording.number(status.changed ?? 0)) changed, \(Wording.number(status.failed ?? 0)) failed"
            }
            HTML.element("progress", ["max": "100", "value": "\(percent)", "aria-label": "Progress of \(run)"]) {
                "\(percent)%"
            }
        }
    }

    private func fact(_ name: String, _ value: HTML) -> HTML {
        .element("div", ["class": "fact"]) {
            HTML.element("span", ["class": "label"]) { name }
            HTML.element("span", ["class": "value"]) { value }
        }
    }
}

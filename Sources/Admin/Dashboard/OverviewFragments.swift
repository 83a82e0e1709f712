internal import Curfew
internal import Policies

/// The parts of the overview.
enum OverviewFragments {
    /// All parts, in page order.
    static func all(_ overview: Overview) -> [Fragment] {
        [
            AttentionList.fragment(overview)
        ] + CleanupsTable.fragments(overview) + [
            Fragment(
                id: "charts", content: charts(overview.hours, now: overview.now, dueNow: overview.due), isSlow: true),
            AlertsTable.fragment(overview.alerts, now: overview.now),
            InstancesTable.fragment(overview),
            Fragment(id: "pauses", content: pauses(overview)),
            RunsTable.fragment(overview.runs, now: overview.now, caption: "Newest runs"),
            EventsTable.fragment(overview.events, now: overview.now, caption: "Newest changes"),
        ]
    }

    /// How the last run ended, with a link to it; how many have failed in a row, and how many records have errors.
    static func lastRun(_ cleanup: Status.CleanupStatus, now: Timestamp) -> HTML {
        guard let last = cleanup.lastRun else { return .nothing }
        var words: [String] = []
        if last.failuresInARow > 1 { words.append("\(Wording.number(last.failuresInARow)) in a row") }
        if last.failed > 0 { words.append("\(Wording.number(last.failed)) \(last.failed == 1 ? "error" : "errors")") }
        return .element("span", ["class": "last"]) {
            HTML.element("a", ["href": Link.run(last.run), "id": "last-\(cleanup.name)"]) {
                StateBadge.html(ofRun: last.status, isDryRun: false)
            }
            " "
            Wording.moment(Timestamp(milliseconds: last.endedMs), now: now)
            if !words.isEmpty { ", " + words.joined(separator: ", ") }
        }
    }

    static func when(_ cleanup: Status.CleanupStatus) -> HTML {
        guard let distance = cleanup.inMs, let due = cleanup.due else { return HTML("–") }
        let moment = HTML.element("time", ["datetime": due, "title": due]) { TimeText.distance(distance) }
        switch cleanup.state {
        case "paused", "disabled": return HTML("–")
        case "running":
            return .joined([HTML("lease ends "), moment])
        case "lost":
            return .joined([HTML("lease ended "), moment])
        default: return moment
        }
    }

    static func whereabouts(_ cleanup: Status.CleanupStatus) -> HTML {
        guard let run = cleanup.run else { return .nothing }
        let percent = min(100, max(0, cleanup.progress ?? 0))
        return .joined([
            .element("bdi") { cleanup.instance ?? "" },
            .element(
                "progress",
                [
                    "max": "100", "value": "\(percent)",
                    "aria-label": "\(run): \(percent) percent, \(cleanup.step ?? "")",
                ]
            ) { "\(percent)%" },
        ])
    }

    static func charts(_ hours: MeasuredHours, of cleanup: String? = nil, now: Timestamp, dueNow: Int64?) -> HTML {
        let points = hours.points(of: cleanup, until: now, dueNow: dueNow, hasTypes: false)
        return .joined([
            .element("div", ["class": "charts"]) {
                Chart(
                    id: "backlog", title: "Records due", form: .area, hours: points.map(\.start),
                    series: [.init(name: "due", colour: "due", values: points.map(\.backlog))]
                ).html
                Chart(
                    id: "recovered", title: "Records processed per hour", form: .bars, hours: points.map(\.start),
                    series: [
                        .init(name: "processed", colour: "done", values: points.map { $0.changed }),
                        .init(name: "errors", colour: "bad", values: points.map { $0.failed }),
                    ]
                ).html
            },
            .element("div", ["class": "note"]) {
                "By type, with refunds and durations: "
                ChartsPage.links(of: cleanup)
            },
        ])
    }

    /// How many cleanups with stale pauses are listed.
    private static let mostPauses = 10

    private static func pauses(_ overview: Overview) -> HTML {
        guard !overview.pauses.isEmpty else {
            return .element("p", ["class": "none"]) { "No cleanup handles paused records." }
        }
        // With many of them, only those that have some.
        let all = overview.pauses
        let shown = all.count > mostPauses ? all.filter { !$0.records.isEmpty } : all
        let (more, none) = (max(0, shown.count - mostPauses), all.count - shown.count)
        return .joined([
            .joined(shown.prefix(mostPauses).map { PausesTable.html($0, now: overview.now) }),
            more > 0
                ? .element("p") { "\(Wording.number(more)) more cleanups have stale paused records." } : .nothing,
            none > 0 ? .element("p", ["class": "none"]) { "\(Wording.number(none)) cleanups have none." } : .nothing,
        ])
    }
}

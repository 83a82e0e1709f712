internal import Curfew
internal import Policies

/// The parts of the overview.
enum OverviewFragments {
    /// All parts, in page order.
    static func all(_ overview: Overview) -> [Fragment] {
        [
            Fragment(id: "concerns", content: concerns(overview)),
            Fragment(id: "cleanups", content: cleanups(overview)),
            Fragment(id: "charts", content: charts(overview.hours, now: overview.now, dueNow: overview.due)),
            Fragment(id: "alerts", content: AlertsTable.html(overview.alerts, now: overview.now)),
            Fragment(id: "instances", content: instances(overview)),
            Fragment(id: "pauses", content: pauses(overview)),
            Fragment(id: "runs", content: RunsTable.html(overview.runs, now: overview.now, caption: "Newest runs")),
            Fragment(
                id: "events",
                content: EventsTable.html(overview.events, now: overview.now, caption: "Newest changes")),
        ]
    }

    private static func concerns(_ overview: Overview) -> HTML {
        let concerns = overview.status.concerns ?? []
        let look = concerns.first.map(\.severity.rawValue) ?? "good"
        return .element("div", ["class": "headline \(look)"]) {
            HTML.element("p", ["class": "verdict"]) { overview.status.headline }
            if !concerns.isEmpty {
                HTML.element("ul") {
                    concerns.prefix(20).map { concern in
                        .element("li", ["class": concern.severity.rawValue]) {
                            HTML.element("strong") { concern.severity == .critical ? "Critical: " : "Warning: " }
                            if let cleanup = concern.cleanup {
                                HTML.element("a", ["href": Link.cleanup(cleanup)]) {
                                    concern.text.shortened(toMarkup: 600)
                                }
                            } else {
                                concern.text.shortened(toMarkup: 600)
                            }
                            if let since = concern.sinceMs.map(Timestamp.init(milliseconds:)) {
                                " Since "
                                Wording.moment(since, now: overview.now)
                                "."
                            }
                        }
                    }
                }
            }
            if concerns.count > 20 { HTML.element("p") { "And \(concerns.count - 20) more." } }
        }
    }

    private static func cleanups(_ overview: Overview) -> HTML {
        var table = HTMLTable(
            caption: "Cleanups: state, last run, next run and due records",
            columns: ["Cleanup", "State", "Last run", "When", "Where", "Schedule", "Due", "Tracked"], numbers: 6...7)
        for cleanup in overview.status.cleanups {
            table.add([
                CleanupLabel.html(cleanup), StateBadge.html(cleanup), lastRun(cleanup, now: overview.now),
                when(cleanup),
                whereabouts(cleanup),
                HTML(cleanup.schedule ?? (cleanup.isGone ? "in no file" : "not configured here")),
                HTML(cleanup.backlog.map { Wording.number($0) } ?? "–"),
                HTML(cleanup.tracked.map { Wording.number($0) } ?? "–"),
            ])
        }
        return table.html(empty: "No cleanup is configured or scheduled.")
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
        let points = hours.points(of: cleanup, until: now, dueNow: dueNow)
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

    private static func instances(_ overview: Overview) -> HTML {
        var table = HTMLTable(
            caption: "Instances seen in the last 24 hours",
            columns: ["Instance", "State", "Seen", "Version", "Configuration", "Started", "Runs"])
        for instance in overview.status.instances.prefix(50) {
            table.add([
                .element("bdi") { instance.id.shortened(toMarkup: 100) },
                .element("span", ["class": instance.isAlive ? "state good" : "state critical"]) {
                    instance.isAlive ? "alive" : "gone"
                },
                Wording.moment(
                    overview.now - .milliseconds(max(0, instance.seenMsAgo)), now: overview.now),
                HTML(short(instance.version)), HTML(instance.config.map { String($0.unicodeScalars.prefix(8)) } ?? "–"),
                HTML(short(instance.startedAt)),
                HTML(instance.running.isEmpty ? "–" : short(instance.running.joined(separator: ", "))),
            ])
        }
        return table.html(empty: "No instance seen in the last 24 hours.")
    }

    /// A text from another instance, shortened; a dash if there is none.
    private static func short(_ text: String?) -> String { text?.shortened(toMarkup: 100) ?? "–" }

    private static func pauses(_ overview: Overview) -> HTML {
        guard !overview.pauses.isEmpty else {
            return .element("p", ["class": "none"]) { "No cleanup handles paused records." }
        }
        return .joined(overview.pauses.map { PausesTable.html($0, now: overview.now) })
    }
}

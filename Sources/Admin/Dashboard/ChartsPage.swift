internal import Curfew
internal import Policies

/// The charts of one cleanup or of all: due and processed records, by type, refunds and durations.
enum ChartsPage {
    /// How many types have a colour of their own; the rest is summed up.
    private static let mostTypes = 5

    /// What is shown.
    struct Subject: Sendable {
        /// The range.
        var range: ChartRange
        /// The cleanup; nil for all.
        var cleanup: String?
        /// What is due now, if that is known.
        var dueNow: Int64?
        /// For how long measurements are kept.
        var kept: Duration
    }

    /// The page.
    static func html(
        _ hours: MeasuredHours, _ subject: Subject, now: Timestamp, names: [String], _ viewer: Page.Viewer
    ) -> String {
        let whose = subject.cleanup ?? "all cleanups"
        let title = "Charts: \(whose)"
        return Page(title: title, cleanups: names, current: subject.cleanup, now: now).html(viewer) {
            links(of: subject.cleanup, current: subject.range)
            if subject.kept < .seconds(3_600 * subject.range.bars * subject.range.hoursPerBar) {
                HTML.element("p", ["class": "note"]) { "Measurements are kept for \(subject.kept.text)." }
            }
            Section(id: "s-charts", heading: "Last \(subject.range.words)").html {
                HTML.element("div", ["class": "charts"]) { charts(hours, subject, now: now) }
            }
            HTML.element("p") {
                let back = subject.cleanup.map { (Link.cleanup($0), $0) } ?? (Link.home, "the overview")
                HTML.element("a", ["href": back.0]) { "Back to \(back.1)" }
            }
        }
    }

    /// Links to the ranges.
    static func links(of cleanup: String?, current: ChartRange? = nil) -> HTML {
        .element("nav", ["class": "ranges", "aria-label": "Range of the charts"]) {
            ChartRange.allCases.map { range in
                .joined([
                    .element(
                        "a",
                        [
                            "href": Link.charts(range.rawValue, of: cleanup),
                            "aria-current": range == current ? "page" : nil,
                        ]
                    ) { range.words },
                    HTML(" "),
                ])
            }
        }
    }

    private static func charts(_ hours: MeasuredHours, _ subject: Subject, now: Timestamp) -> HTML {
        let range = subject.range
        let points = hours.points(of: subject.cleanup, until: now, dueNow: subject.dueNow, over: range)
        func chart(
            _ id: String, _ title: String, _ form: Chart.Form, _ series: [Chart.Series], isDuration: Bool = false
        ) -> HTML {
            Chart(
                id: id, title: title, form: form, hours: points.map(\.start), series: series, range: range,
                isDuration: isDuration
            ).html
        }
        return .joined([
            chart("backlog", "Records due", .area, [.init(name: "due", colour: "due", values: points.map(\.backlog))]),
            chart(
                "recovered", "Records processed", .bars,
                [
                    .init(name: "processed", colour: "done", values: points.map { $0.changed }),
                    .init(name: "errors", colour: "bad", values: points.map { $0.failed }),
                ]),
            chart("types", "Records past their time, by type", .bars, types(points)),
            chart(
                "refunds", "Tokens refunded", .bars,
                [.init(name: "refunded", colour: "done", values: points.map { $0.sums.refunded })]),
            chart(
                "durations", "Duration of runs", .area,
                [
                    .init(
                        name: "longest", colour: "due",
                        values: points.map { $0.sums.runs > 0 ? $0.sums.longestMs : nil }),
                    .init(name: "mean", colour: "kind0", values: points.map(\.meanMs)),
                ], isDuration: true),
        ])
    }

    /// The types with the most records, and the rest together.
    private static func types(_ points: [MeasuredHours.Point]) -> [Chart.Series] {
        var totals = MeasuredHours.Sums()
        for point in points { totals.add(point.sums) }
        let sorted = totals.types.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        let (own, rest) = (sorted.prefix(mostTypes), Set(sorted.dropFirst(mostTypes)))
        var series = own.enumerated().map { place, type in
            Chart.Series(
                name: type.isEmpty ? "without a type" : type.shortened(toMarkup: 60), colour: "kind\(place)",
                values: points.map { $0.sums.types[type] ?? 0 })
        }
        if !rest.isEmpty {
            series.append(
                Chart.Series(
                    name: "\(rest.count) more types", colour: "kind\(mostTypes)",
                    values: points.map { point in rest.reduce(0) { $0 + (point.sums.types[$1] ?? 0) } }))
        }
        return series
    }
}

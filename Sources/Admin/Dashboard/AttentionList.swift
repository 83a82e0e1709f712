internal import Curfew
internal import Foundation
internal import Policies

/// Everything that needs attention, in one sentence and then line by line.
enum AttentionList {
    /// How many lines the first page has, and about how many bytes they take; it has at least twenty.
    static let most = 100, mostBytes = 40_000, fewest = 20

    /// The part of the first page: of each kind of trouble something, if there is more than fits.
    static func fragment(_ overview: Overview) -> Fragment {
        let status = overview.status
        let concerns = status.concerns ?? []
        let all = rows(Concern.some(of: concerns, most: most), status, now: overview.now)
        var (lines, bytes): ([HTMLTable.Row], Int) = ([], 0)
        for line in all {
            bytes += line.html.markup.utf8.count
            guard bytes <= mostBytes || lines.count < fewest else { break }
            lines.append(line)
        }
        let more = concerns.count - lines.count
        return Fragment(id: "concerns", lines) { lines in
            .element("div", ["class": "headline \(concerns.first.map(\.severity.rawValue) ?? "good")"]) {
                HTML.element("p", ["class": "verdict"]) { status.headline }
                if !concerns.isEmpty { HTML.element("ul", ["data-rows": ""]) { lines } }
                if more > 0 {
                    HTML.element("p") {
                        HTML.element("a", ["href": Link.attention()]) { "And \(Wording.number(more)) more." }
                    }
                }
            }
        }
    }

    /// The page with all of them.
    static func page(_ status: Status, page: Int, now: Timestamp, names: [String], _ viewer: Page.Viewer) -> String {
        let concerns = status.concerns ?? []
        let listed = Listed(concerns, page: page)
        return Page(title: "Attention", cleanups: names, now: now).html(viewer) {
            HTML.element("div", ["class": "headline \(concerns.first.map(\.severity.rawValue) ?? "good")"]) {
                HTML.element("p", ["class": "verdict"]) { status.headline }
                if !listed.items.isEmpty {
                    HTML.element("ul") { rows(listed.items, status, now: now).map(\.html) }
                }
            }
            listed.links { Link.attention(page: $0) }
        }
    }

    private static func rows(
        _ concerns: some Sequence<Concern>, _ status: Status, now: Timestamp
    ) -> [HTMLTable.Row] {
        let cleanups = Dictionary(status.cleanups.map { ($0.name, $0) }) { first, _ in first }
        var counts: [String: Int] = [:]
        return concerns.map { concern in
            let subject = "\(concern.kind.rawValue) \(concern.cleanup ?? "")"
            let number = counts[subject, default: 0] + 1
            counts[subject] = number
            let key = HTMLTable.Row.key(number == 1 ? subject : "\(subject) \(number)")
            let text = text(concern, concern.cleanup.flatMap { cleanups[$0] })
            return HTMLTable.Row(key: key, html: line(concern, key, text, now: now))
        }
    }

    /// The sentence; since when it is overdue is a time of its own, which a page keeps up to date itself.
    private static func text(_ concern: Concern, _ cleanup: Status.CleanupStatus?) -> HTML {
        let text = concern.text.shortened(toMarkup: 600)
        guard concern.kind == .overdue, let cleanup, let distance = cleanup.inMs, let due = cleanup.due,
            let place = text.range(of: TimeText.distance(distance))
        else { return HTML(text) }
        return .joined([
            HTML(String(text[..<place.lowerBound])),
            .element("time", ["datetime": due, "title": due]) { String(text[place]) },
            HTML(String(text[place.upperBound...])),
        ])
    }

    private static func line(_ concern: Concern, _ key: String, _ text: HTML, now: Timestamp) -> HTML {
        .element("li", ["class": concern.severity.rawValue, "data-row": key]) {
            HTML.element("strong") { concern.severity == .critical ? "Critical: " : "Warning: " }
            if let cleanup = concern.cleanup {
                HTML.element("a", ["href": Link.cleanup(cleanup)]) { text }
            } else {
                text
            }
            if let since = concern.sinceMs.map(Timestamp.init(milliseconds:)) {
                " Since "
                Wording.moment(since, now: now)
                "."
            }
        }
    }
}

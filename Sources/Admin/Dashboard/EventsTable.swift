internal import Curfew
internal import Policies

/// Single changes, newest first.
enum EventsTable {
    /// The table; with the values before and after where they are asked for.
    static func html(_ events: [StreamEntry], now: Timestamp, caption: String, hasImages: Bool = false) -> HTML {
        var table = HTMLTable(
            caption: caption,
            columns: ["Record", "Action", "From → to", "When", "Reason"] + (hasImages ? ["Before and after"] : ["Run"]))
        for event in events {
            let run = event["run"] ?? ""
            let transition = [event["from"], event["to"]].compactMap(\.self).filter { !$0.isEmpty }.map(shortened)
            table.add([
                .element("bdi") { shortened(event["record"].flatMap { $0.isEmpty ? nil : $0 } ?? "–") },
                HTML(event["action"] ?? ""), .element("bdi") { transition.joined(separator: " → ") },
                Wording.moment(event["at_ms"], now: now), .element("bdi") { shortened(event["reason"] ?? "") },
                hasImages
                    ? BeforeImage(event).html
                    : .element("a", ["href": Link.run(run)]) { HTML.element("bdi") { shortened(run) } },
            ])
        }
        return table.html(empty: "No record has been changed within the time for which changes are kept.")
    }

    /// A text of the application's, of a length that leaves room for others.
    static func shortened(_ text: String) -> String {
        text.count > 300 ? text.prefix(300) + "…" : text
    }
}

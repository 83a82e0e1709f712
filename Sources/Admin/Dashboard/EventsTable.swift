internal import Curfew
internal import Policies
internal import RedisClient

/// Single changes, newest first.
enum EventsTable {
    private static let empty = "No changes within the retention period of changes."

    /// The table as a part of a page, optionally with the values before and after.
    static func fragment(
        _ events: [StreamEntry], now: Timestamp, caption: String, hasImages: Bool = false
    ) -> Fragment {
        Fragment(id: "events", table(events, now: now, caption: caption, hasImages: hasImages), empty: empty)
    }

    /// The table alone.
    static func html(_ events: [StreamEntry], now: Timestamp, caption: String, hasImages: Bool = false) -> HTML {
        table(events, now: now, caption: caption, hasImages: hasImages).html(empty: empty)
    }

    private static func table(
        _ events: [StreamEntry], now: Timestamp, caption: String, hasImages: Bool
    ) -> HTMLTable {
        var table = HTMLTable(
            caption: caption,
            columns: ["Record", "Action", "From → to", "When", "Reason"] + (hasImages ? ["Before and after"] : ["Run"]))
        for entry in events {
            let event = Event(entry)
            let transition = [event.from, event.to].filter { !$0.isEmpty }.map(shortened)
            table.add(
                key: entry.id,
                [
                    subject(of: event), HTML(event.action), foreign(transition.joined(separator: " → ")),
                    Wording.moment(event.time, now: now), foreign(event.reason),
                    hasImages ? ImageView(event).html : link(toRun: event.run),
                ])
        }
        return table
    }

    /// The subject of an event: a record or, for an action on a whole cleanup, the cleanup.
    private static func subject(of event: Event) -> HTML {
        if !event.record.isEmpty { return record(event.record, of: event.cleanup) }
        guard !event.cleanup.isEmpty else { return HTML("–") }
        return .element("a", ["href": Link.cleanup(event.cleanup)]) { foreign(event.cleanup) }
    }

    /// A record with a link to its story.
    static func record(_ id: String, of cleanup: String) -> HTML {
        guard let link = Link.record(id, of: cleanup) else { return foreign(id) }
        return .element("a", ["href": link]) { foreign(id) }
    }

    /// Some actions, such as a pause, don't belong to a run.
    private static func link(toRun run: String) -> HTML {
        run.isEmpty ? .nothing : .element("a", ["href": Link.run(run)]) { foreign(run) }
    }

    /// A text from the application, isolated from its surroundings; nothing if it is empty.
    private static func foreign(_ text: String) -> HTML {
        text.isEmpty ? .nothing : .element("bdi") { shortened(text) }
    }

    /// A text from the application, shortened for a table cell.
    static func shortened(_ text: String) -> String {
        text.shortened(toMarkup: 600)
    }
}

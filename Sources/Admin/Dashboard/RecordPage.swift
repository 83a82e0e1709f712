internal import Curfew
internal import Policies
internal import RedisClient

/// The page of one record: what would happen to it now and why, and everything that happened to it.
enum RecordPage {
    /// What was asked for.
    struct Question: Sendable {
        /// The id, or the key.
        var id = ""
        /// The cleanup; nil for all.
        var cleanup: String?
        /// Where the list of events continues.
        var before: String?
    }

    /// The page with the search form alone.
    static func form(names: [String], _ viewer: Page.Viewer) -> String {
        Page(title: "Find a record", cleanups: names).html(viewer) { search(Question(), names: names) }
    }

    /// The page that says that nothing was found.
    static func nothing(_ question: Question, _ message: String, names: [String], _ viewer: Page.Viewer) -> String {
        Page(title: "Find a record", cleanups: names).html(viewer) {
            HTML.element("p", ["class": "notice warning", "data-message": ""]) {
                message.prefix(1).uppercased() + message.dropFirst() + "."
            }
            search(question, names: names)
        }
    }

    /// The page of a record.
    static func html(
        _ history: RecordHistory, _ question: Question, now: Timestamp, names: [String], _ viewer: Page.Viewer
    ) -> String {
        let title = "Record \(history.id.shortened(toMarkup: 200))"
        return Page(title: title, cleanups: names, current: question.cleanup, now: now).html(viewer) {
            search(question, names: names)
            if question.before == nil {
                Section(id: "s-now", heading: "What would happen now").html { verdicts(history.now) }
            }
            Section(id: "s-events", heading: "What happened").html {
                events(history, now: now, viewer)
                if let remark = history.remark {
                    HTML.element("p", ["class": "note"]) { remark.prefix(1).uppercased() + remark.dropFirst() + "." }
                }
                if let next = history.next {
                    HTML.element("p") {
                        HTML.element("a", ["href": Link.record(history.id, of: question.cleanup, before: next)]) {
                            history.limitReached ? "Continue the search" : "Older events"
                        }
                    }
                }
            }
        }
    }

    /// How many cleanups can be chosen from; with more of them the name is typed.
    private static let mostChoices = 200
    /// How many cleanups that have the record are told about.
    private static let mostVerdicts = 50

    private static func search(_ question: Question, names: [String]) -> HTML {
        .element("form", ["method": "get", "action": Link.records, "role": "search", "class": "search"]) {
            HTML.element("label") {
                "Record: its id or its key"
                HTML.input(
                    name: "id", ["type": "search", "required": "", "value": question.id, "autocomplete": "off"])
            }
            HTML.element("label") {
                "Cleanup"
                if names.count <= mostChoices {
                    HTML.element("select", ["name": "cleanup"]) {
                        HTML.element("option", ["value": nil]) { "" }
                        names.map { name in
                            .element("option", ["value": name, "selected": name == question.cleanup ? "" : nil]) {
                                name
                            }
                        }
                    }
                } else {
                    HTML.input(name: "cleanup", ["value": question.cleanup, "autocomplete": "off"])
                }
            }
            HTML.element("button", ["type": "submit", "class": "main"]) { "Find" }
        }
    }

    private static func verdicts(_ all: [Explanation]) -> HTML {
        guard !all.isEmpty else {
            return .element("p", ["class": "none"]) { "The record doesn't exist any more, or not yet." }
        }
        let more = all.count - mostVerdicts
        let shown = all.prefix(mostVerdicts).map { verdict($0) }
        return .joined(
            shown + [
                more > 0
                    ? .element("p", ["class": "note"]) {
                        "\(Wording.number(more)) more cleanups have it: name one above."
                    }
                    : .nothing
            ])
    }

    private static func verdict(_ one: Explanation) -> HTML {
        .element("div", ["class": "story"]) {
            HTML.element("h3") {
                HTML.element("a", ["href": Link.cleanup(one.cleanup)]) { one.cleanup }
            }
            HTML.element("p") {
                HTML.element("strong") { one.verdictWords }
                ": "
                Facts.foreign(one.reason)
            }
            if let effects = one.effects, !effects.isEmpty {
                HTML.element("ul") { effects.map { effect in .element("li") { Facts.foreign(effect) } } }
            }
            Facts.html([
                ("Key", Facts.foreign(one.key)),
                ("In the index", HTML(one.indexedAt.map { "due \($0)" } ?? "no")),
                ("Next check", HTML(one.until ?? "")),
            ])
            fields(one)
        }
    }

    /// The fields that the policy reads, folded.
    private static func fields(_ one: Explanation) -> HTML {
        guard !one.fields.isEmpty else { return .nothing }
        return .element("details") {
            HTML.element("summary") { "Fields" }
            Facts.html(one.fields.sorted { $0.key < $1.key }.prefix(40).map { ($0.key, Facts.foreign($0.value)) })
        }
    }

    private static func events(_ history: RecordHistory, now: Timestamp, _ viewer: Page.Viewer) -> HTML {
        var table = HTMLTable(
            caption: "Events of the record, newest first",
            columns: ["When", "Action", "From → to", "Reason", "Run", "Before and after", "Undo"])
        for item in history.items {
            let event = Event(item.entry)
            let transition = [event.from, event.to].filter { !$0.isEmpty }.map(EventsTable.shortened)
            table.add([
                Wording.moment(event.time, now: now), HTML(event.action),
                Facts.foreign(transition.joined(separator: " → ")), Facts.foreign(event.reason),
                event.run.isEmpty
                    ? .nothing : .element("a", ["href": Link.run(event.run)]) { Facts.foreign(event.run) },
                ImageView(event).html, undo(item, event, viewer),
            ])
        }
        return table.html(empty: "No events.")
    }

    private static func undo(_ item: RecordHistory.Item, _ event: Event, _ viewer: Page.Viewer) -> HTML {
        if let run = item.undoneBy {
            return .joined([HTML("undone by "), .element("a", ["href": Link.run(run)]) { Facts.foreign(run) }])
        }
        // A longer id would be cut in the form, and be another record's.
        guard item.undoable, viewer.role == .admin, event.record.utf8.count <= 600 else { return .nothing }
        return Form(
            action: Link.run(event.run, "undo"), button: "Undo this change", look: "danger",
            question: "Undo the change of \(event.record.shortened(toMarkup: 100)) by \(event.run)?"
        ).html(viewer) {
            HTML.input(name: "record", ["type": "hidden", "value": event.record])
            HTML.input(name: "cleanup", ["type": "hidden", "value": event.cleanup])
        }
    }
}

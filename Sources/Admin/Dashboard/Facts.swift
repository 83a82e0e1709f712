/// Names and what they stand for, side by side.
enum Facts {
    /// The list; what is empty is left out.
    static func html(_ rows: [(name: String, value: HTML)]) -> HTML {
        .element("dl", ["class": "settings"]) {
            rows.filter { $0.value != .nothing }.map { row in
                .element("div", ["class": "pair"]) {
                    HTML.element("dt") { row.name }
                    HTML.element("dd") { row.value }
                }
            }
        }
    }

    /// A text of the application's: it may run in another direction than what is around it.
    static func foreign(_ text: String?) -> HTML {
        guard let text, !text.isEmpty else { return .nothing }
        return .element("bdi") { EventsTable.shortened(text) }
    }
}

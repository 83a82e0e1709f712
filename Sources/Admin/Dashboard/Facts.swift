/// Names and values, side by side.
enum Facts {
    /// The list; empty values are left out.
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

    /// A text from the application, whose writing direction may differ from its surroundings.
    static func foreign(_ text: String?) -> HTML {
        guard let text, !text.isEmpty else { return .nothing }
        return .element("bdi") { EventsTable.shortened(text) }
    }
}

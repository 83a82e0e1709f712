internal import Curfew

/// The name of a cleanup with its labels: colour, title, category.
enum CleanupLabel {
    /// The name as a link.
    static func html(_ cleanup: Status.CleanupStatus) -> HTML {
        .joined([
            dot(cleanup.color),
            .element("a", ["href": Link.cleanup(cleanup.name), "id": "to-\(cleanup.name)"]) {
                cleanup.title ?? cleanup.name
            },
            note(cleanup),
        ])
    }

    /// The colour as a dot; an attribute of a drawing, since the content security policy allows no inline styles.
    static func dot(_ color: String?) -> HTML {
        guard let color = color.flatMap(value) else { return .nothing }
        return .element("svg", ["class": "dot", "viewBox": "0 0 10 10", "aria-hidden": "true"]) {
            HTML.element("circle", ["cx": "5", "cy": "5", "r": "5", "fill": color])
        }
    }

    /// The name, if there is a title, and the category.
    private static func note(_ cleanup: Status.CleanupStatus) -> HTML {
        let words = [cleanup.title.map { _ in cleanup.name }, cleanup.category].compactMap(\.self)
        guard !words.isEmpty else { return .nothing }
        return .element("span", ["class": "labels"]) { words.joined(separator: " · ") }
    }

    private static let colors = [
        "gray": "#6b7280", "red": "#c0313c", "orange": "#d9730d", "yellow": "#c9a400", "green": "#2b7a4b",
        "teal": "#0f7b7b", "blue": "#1a56b0", "purple": "#7c3aad", "pink": "#c2408a", "brown": "#8a5a33",
    ]

    /// The colour for the drawing; nil if it is none, whoever wrote it.
    private static func value(_ color: String) -> String? {
        colors[color] ?? (color.wholeMatch(of: /#[0-9a-f]{6}/) == nil ? nil : color)
    }
}

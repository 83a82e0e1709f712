internal import RedisClient

/// A piece of HTML.
///
/// Text is always escaped when it is added: record ids and reasons come from the application and may contain markup.
/// Names of elements and attributes are literals of this program and can't come from anywhere else.
struct HTML: Sendable, Equatable {
    /// The markup.
    private(set) var markup: String

    /// Escapes a text.
    init(_ text: String) {
        markup = ""
        Self.append(text, to: &markup)
    }

    private init(markup: String) {
        self.markup = markup
    }

    /// Empty markup.
    static let nothing = HTML(markup: "")

    /// Elements without content and end tag.
    private static let empty: Set<String> = ["br", "col", "hr", "input", "link", "meta"]

    /// An element.
    ///
    /// An attribute that is nil is left out; an attribute that is empty is written without a value.
    static func element(
        _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String?> = [:],
        @HTMLBuilder _ content: () -> HTML = { .nothing }
    ) -> HTML {
        var markup = "<\(name)"
        append(attributes, to: &markup)
        markup += ">"
        if empty.contains(name.description) { return HTML(markup: markup) }
        markup += content().markup
        markup += "</\(name)>"
        return HTML(markup: markup)
    }

    /// A form field, with the name it is submitted under.
    static func input(name: String, _ attributes: KeyValuePairs<StaticString, String?>) -> HTML {
        var markup = "<input"
        append(["name": name], to: &markup)
        append(attributes, to: &markup)
        return HTML(markup: markup + ">")
    }

    /// A hidden field with a value of this program, of any length: what others wrote is always limited.
    static func hidden(name: String, value: String) -> HTML {
        var markup = "<input type=\"hidden\""
        append(["name": name], to: &markup)
        markup += " value=\""
        for scalar in value.unicodeScalars {
            if let escaped = escaped(scalar) { markup += escaped } else { markup.unicodeScalars.append(scalar) }
        }
        return HTML(markup: markup + "\">")
    }

    private static func append(_ attributes: KeyValuePairs<StaticString, String?>, to markup: inout String) {
        for (attribute, value) in attributes {
            guard let value else { continue }
            markup += " \(attribute)"
            guard !value.isEmpty else { continue }
            markup += "=\""
            append(value, to: &markup)
            markup += "\""
        }
    }

    /// A whole page: the root element after the doctype.
    static func document(_ root: HTML) -> HTML { HTML(markup: "<!doctype html>\n" + root.markup) }

    /// The concatenation of several parts.
    static func joined(_ parts: [HTML]) -> HTML { HTML(markup: parts.map(\.markup).joined()) }

    /// The most bytes of one text or attribute, so that records can't make a page arbitrarily long.
    static let mostTextBytes = 4_096

    /// Escapes a text for content or a quoted attribute, and ends it with “…” at the limit.
    private static func append(_ text: String, to markup: inout String) {
        var room = mostTextBytes
        for scalar in text.readable.unicodeScalars {
            let escaped = escaped(scalar)
            room -= escaped?.utf8.count ?? UTF8.width(scalar)
            guard room >= 0 else {
                markup += "…"
                return
            }
            if let escaped { markup += escaped } else { markup.unicodeScalars.append(scalar) }
        }
    }

    /// The escaped form of a scalar; nil if it needs no escape.
    ///
    /// Control characters and bidirectional controls could disguise a line, so they are escaped. ``ByteText`` is
    /// decoded before.
    fileprivate static func escaped(_ scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "&": "&amp;"
        case "<": "&lt;"
        case ">": "&gt;"
        case "\"": "&quot;"
        case "'": "&#39;"
        case "\n", "\t": nil
        case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": "\u{FFFD}"
        default: nil
        }
    }
}

extension String {
    /// The beginning of an outside text that takes at most that many bytes in a page, followed by “…” if something is
    /// cut.
    ///
    /// It counts the escaped bytes: a quote takes six, and one character may have a hundred thousand accents.
    func shortened(toMarkup limit: Int) -> String {
        guard utf8.count * 6 > limit else { return self }
        let text = readable
        var room = limit
        var end = text.unicodeScalars.startIndex
        for scalar in text.unicodeScalars {
            room -= HTML.escaped(scalar)?.utf8.count ?? UTF8.width(scalar)
            guard room >= 0 else { return String(text[..<end]) + "…" }
            text.unicodeScalars.formIndex(after: &end)
        }
        return text
    }
}

/// Concatenates parts in the order in which they are written; texts among them are escaped.
@resultBuilder
enum HTMLBuilder {
    static func buildExpression(_ text: String) -> HTML { HTML(text) }
    static func buildExpression(_ html: HTML) -> HTML { html }
    static func buildExpression(_ html: [HTML]) -> HTML { .joined(html) }
    static func buildBlock(_ parts: HTML...) -> HTML { .joined(parts) }
    static func buildOptional(_ part: HTML?) -> HTML { part ?? .nothing }
    static func buildEither(first part: HTML) -> HTML { part }
    static func buildEither(second part: HTML) -> HTML { part }
    static func buildArray(_ parts: [HTML]) -> HTML { .joined(parts) }
}

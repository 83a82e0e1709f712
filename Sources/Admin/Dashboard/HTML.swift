internal import RedisClient

/// A piece of HTML.
///
/// Text becomes part of one only escaped, whoever wrote it: record ids and reasons are the application's, and may be
/// markup. Names of elements and attributes are literals of this program and can't come from anywhere else.
struct HTML: Sendable, Equatable {
    /// The markup.
    private(set) var markup: String

    /// Text, escaped.
    init(_ text: String) {
        markup = ""
        Self.append(text, to: &markup)
    }

    private init(markup: String) {
        self.markup = markup
    }

    /// Nothing.
    static let nothing = HTML(markup: "")

    /// The elements that have no content and no end.
    private static let empty: Set<String> = ["br", "col", "hr", "input", "link", "meta"]

    /// An element; an attribute that is nil is left out, and one that is an empty text is only named.
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

    /// A field of a form, with the name under which it is sent.
    static func input(name: String, _ attributes: KeyValuePairs<StaticString, String?>) -> HTML {
        var markup = "<input"
        append(["name": name], to: &markup)
        append(attributes, to: &markup)
        return HTML(markup: markup + ">")
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

    /// A whole page: the element with what makes browsers read it by the standard.
    static func document(_ root: HTML) -> HTML { HTML(markup: "<!doctype html>\n" + root.markup) }

    /// One after the other.
    static func joined(_ parts: [HTML]) -> HTML { HTML(markup: parts.map(\.markup).joined()) }

    /// The most bytes that one text, or one attribute, becomes: a page has a size that no record decides.
    static let mostTextBytes = 4_096

    /// Escapes what means something in text or in a quoted attribute, and ends with “…” where it would be too much.
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

    /// What stands for a scalar in a page; nil where it stands for itself.
    ///
    /// Control characters, and those that turn the direction of what follows, could make a line look like another one. So what
    /// is held as `ByteText` says is made readable before it is looked at.
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
    /// The beginning of a text from outside that is at most that many bytes of a page, and “…” where there is more.
    ///
    /// It counts what the page gets: a quote is six bytes there, and one character may be a hundred thousand accents.
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

/// Puts pieces together in the order in which they are written; a text among them is escaped.
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

internal import Foundation

/// A part of a page that is kept up to date.
///
/// It is the same for every viewer: it has no forms and no names of people. So it is built once and sent to every open
/// page.
struct Fragment: Sendable {
    /// The id of its element.
    let id: String
    /// Its content.
    let content: HTML
    /// What surrounds the rows of its only table or list, and these rows; nil if it can only be sent as a whole.
    let table: (frame: HTML, rows: [HTMLTable.Row])?
    /// Whether it may be a little out of date: it changes often and is large.
    var isSlow = false

    init(id: String, content: HTML, isSlow: Bool = false) {
        (self.id, self.content, self.isSlow) = (id, content, isSlow)
        table = nil
    }

    /// A part with rows, of which single ones can be sent.
    ///
    /// - Parameters:
    ///   - rows: the rows of a table's body, or of a list with the attribute `data-rows`.
    ///   - framed: what these rows are within.
    init(id: String, _ rows: [HTMLTable.Row], framed: ([HTML]) -> HTML) {
        self.id = id
        content = framed(rows.map(\.html))
        let keys = Set(rows.map(\.key))
        // Rows that can't be told apart are sent with the whole part.
        let areKnown = keys.count == rows.count && !keys.isEmpty && !keys.contains("")
        table = areKnown ? (frame: framed([]), rows: rows) : nil
    }

    /// A part with a table, of which single rows can be sent.
    ///
    /// - Parameters:
    ///   - sentence: what stands there if the table has no rows.
    ///   - before: what precedes the table.
    ///   - after: what follows it.
    init(id: String, _ table: HTMLTable, empty sentence: String, before: HTML = .nothing, after: HTML = .nothing) {
        if table.rows.isEmpty {
            self.init(id: id, content: .joined([before, table.html(empty: sentence), after]))
        } else {
            self.init(id: id, table.rows) { rows in .joined([before, table.framing(rows), after]) }
        }
    }

    /// The message that a page is up to date: none.
    static let connected = Fragment(id: "connection", content: .nothing)

    /// The element as part of a page.
    var html: HTML { .element("div", ["id": id, "data-live": ""]) { content } }

    /// The content without the text of times: the page updates these itself, so they are no reason to send it.
    var signature: String { Self.signature(of: content) }

    /// The same for any piece.
    ///
    /// Text is escaped, so all tags come from this program.
    static func signature(of html: HTML) -> String {
        var rest = html.markup[...]
        var signature = ""
        while let start = rest.range(of: "<time ") {
            guard let close = rest[start.upperBound...].firstIndex(of: ">"),
                let end = rest[close...].range(of: "</time>")
            else { break }
            signature += rest[...close]
            rest = rest[end.upperBound...]
        }
        return signature + rest
    }
}

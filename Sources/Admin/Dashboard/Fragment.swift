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

    /// The element as part of a page.
    var html: HTML { .element("div", ["id": id, "data-live": ""]) { content } }

    /// The content without the text of times: the page updates these itself, so they are no reason to send it.
    ///
    /// Text is escaped, so all tags come from this program.
    var signature: String {
        var rest = content.markup[...]
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

internal import Foundation

/// A part of a page that changes while somebody looks at it.
///
/// It is the same for everybody who looks: no forms, no names of persons signed in. So it is made once, however many
/// pages are open, and sent to all of them.
struct Fragment: Sendable {
    /// The id of the element that it fills.
    let id: String
    /// What is in it.
    let content: HTML

    /// The part as it stands in a page.
    var html: HTML { .element("div", ["id": id, "data-live": ""]) { content } }

    /// The content without the words of times: those move on by themselves in the page, and are no reason to send it.
    ///
    /// Text is escaped, so that tags are only those that this program wrote.
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

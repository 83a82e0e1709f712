internal import Curfew
internal import Foundation
internal import RedisClient

/// What the fields of a record held before a change, and what they hold after it.
struct BeforeImage: Sendable, Equatable {
    /// A field; nil where it was or is absent.
    struct Field: Sendable, Equatable {
        /// Its name.
        var name: String
        /// What it held, and what was written.
        var before: String?, after: String?
    }

    /// The members of an event's `before` that aren't fields, and what was written among them.
    private static let ours = "curfew:", after = "curfew:after"
    /// The most fields that are shown.
    static let most = 40

    /// The fields, by name.
    let fields: [Field]
    /// Whether the text could be read.
    let isReadable: Bool

    /// Reads what an event says.
    init(_ event: StreamEntry) {
        let text = event["before"] ?? ""
        var image: [String: Any] = [:]
        var isReadable = text.isEmpty
        do {
            let parsed =
                try JSONSerialization.jsonObject(with: Data(ByteText.heldJSON(ByteText.bytes(of: text))))
                as? [String: Any]
            isReadable = parsed != nil || text.isEmpty
            image = parsed ?? [:]
        } catch {
            isReadable = text.isEmpty
        }
        self.isReadable = isReadable
        let written = image[Self.after] as? [String: Any] ?? [:]
        let from = event["from"] ?? ""
        let to = event["to"] ?? ""
        let isRemoval = ["remove", "release", "delete"].contains(event["action"] ?? "")
        let names = Set(image.keys.filter { !$0.hasPrefix(Self.ours) }).union(written.keys).sorted()
        fields = names.prefix(Self.most).map { name in
            let before = image[name] as? String
            // The status is named by the event itself and not among what was written.
            let isStatus = written[name] == nil && before == from && from != to && !to.isEmpty
            let unwritten = isRemoval ? nil : isStatus ? to : before
            return Field(name: name, before: before, after: written[name].map { $0 as? String } ?? unwritten)
        }
    }

    /// The fields that changed as a list, folded up; what stayed is left out.
    var html: HTML {
        guard isReadable else { return HTML("can't be read") }
        let changed = fields.filter { $0.before != $0.after }
        guard !changed.isEmpty else { return HTML("–") }
        return .element("details") {
            HTML.element("summary") { changed.count == 1 ? "1 field" : "\(changed.count) fields" }
            HTML.element("dl", ["class": "image"]) {
                changed.map { field in
                    .joined([
                        .element("dt") { HTML.element("bdi") { EventsTable.shortened(field.name) } },
                        .element("dd") {
                            HTML.element("del") { HTML.element("bdi") { Self.text(field.before) } }
                            " → "
                            HTML.element("ins") { HTML.element("bdi") { Self.text(field.after) } }
                        },
                    ])
                }
            }
        }
    }

    private static func text(_ value: String?) -> String {
        value.map { EventsTable.shortened($0) } ?? "(absent)"
    }
}

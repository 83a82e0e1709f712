internal import Curfew

/// The fields of a record before and after a change.
struct ImageView: Sendable, Equatable {
    /// One field; nil if it was or is absent.
    struct Field: Sendable, Equatable {
        /// The name.
        var name: String
        /// The value before, and the value after.
        var before: String?, after: String?
    }

    /// How many fields are shown.
    static let most = 40

    /// The fields, by name.
    let fields: [Field]
    /// Whether the image could be parsed.
    let isReadable: Bool

    /// Parses the image of an event.
    init(_ event: Event) {
        let image: BeforeImage
        do {
            image = try BeforeImage(event.before.isEmpty ? "{}" : event.before)
        } catch {
            (fields, isReadable) = ([], false)
            return
        }
        isReadable = true
        let isRemoval = ["remove", "release", "delete"].contains(event.action)
        let names = Set(image.before.keys).union(image.after.keys).sorted()
        fields = names.prefix(Self.most).map { name in
            let before = image.before[name] ?? nil
            // The event has the status in fields of its own, not among the written fields.
            let isStatus =
                image.after[name] == nil && before == event.from && event.from != event.to && !event.to.isEmpty
            let unwritten = isRemoval ? nil : isStatus ? event.to : before
            return Field(name: name, before: before, after: image.after[name] ?? unwritten)
        }
    }

    /// The changed fields as a list, folded; unchanged fields are left out.
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

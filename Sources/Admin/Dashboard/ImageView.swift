internal import Curfew

/// What the fields of a record held before a change, and what they hold after it.
struct ImageView: Sendable, Equatable {
    /// A field; nil where it was or is absent.
    struct Field: Sendable, Equatable {
        /// Its name.
        var name: String
        /// What it held, and what was written.
        var before: String?, after: String?
    }

    /// The most fields that are shown.
    static let most = 40

    /// The fields, by name.
    let fields: [Field]
    /// Whether the text could be read.
    let isReadable: Bool

    /// Reads what an event says.
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
            // The status is named by the event itself and not among what was written.
            let isStatus =
                image.after[name] == nil && before == event.from && event.from != event.to && !event.to.isEmpty
            let unwritten = isRemoval ? nil : isStatus ? event.to : before
            return Field(name: name, before: before, after: image.after[name] ?? unwritten)
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

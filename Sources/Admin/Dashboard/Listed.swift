internal import HTTPTypes

/// One page of a list that may be long.
struct Listed<Item: Sendable>: Sendable {
    /// How many items a page has.
    static var most: Int { 100 }

    /// The items of this page.
    let items: [Item]
    /// The number of this page, from 1, and of all items.
    let page: Int, count: Int

    /// The items of a page; those of the last one if there are fewer pages.
    init(_ all: [Item], page: Int) {
        count = all.count
        self.page = min(max(1, page), max(1, (all.count + Self.most - 1) / Self.most))
        items = Array(all.dropFirst((self.page - 1) * Self.most).prefix(Self.most))
    }

    /// Links to the previous and the next page, and where this one is.
    func links(_ link: (Int) -> String) -> HTML {
        guard count > items.count else { return .nothing }
        let first = (page - 1) * Self.most + 1
        return .element("nav", ["class": "pages", "aria-label": "Pages"]) {
            "\(Wording.number(first)) to \(Wording.number(first + items.count - 1)) of \(Wording.number(count)) "
            if page > 1 {
                HTML.element("a", ["href": link(page - 1), "rel": "prev"]) { "Previous page" }
                " "
            }
            if first + items.count - 1 < count {
                HTML.element("a", ["href": link(page + 1), "rel": "next"]) { "Next page" }
            }
        }
    }
}

extension Listed<Never> {
    /// How many of all are listed.
    static func heading(_ count: Int, of all: Int) -> String { "\(Wording.number(count)) of \(Wording.number(all))" }
}

/// A form that looks for a text in names; it works without scripts.
struct NameFilter: Sendable {
    /// The page.
    let action: String
    /// The text looked for.
    var name: String?
    /// What else the list is limited to.
    var others: [(name: String, value: String?)] = []

    /// The form.
    var html: HTML {
        .element("form", ["method": "get", "action": action, "role": "search", "class": "search"]) {
            others.compactMap { other in
                other.value.map { HTML.input(name: other.name, ["type": "hidden", "value": $0]) }
            }
            HTML.element("label") {
                "Name contains"
                HTML.input(name: "name", ["type": "search", "value": name, "autocomplete": "off"])
            }
            HTML.element("button", ["type": "submit"]) { "Filter" }
        }
    }

    /// Whether a name has the text, in whatever case.
    static func passes(_ name: String, _ text: String?) -> Bool {
        guard let text, !text.isEmpty else { return true }
        return name.lowercased().contains(text.lowercased())
    }
}

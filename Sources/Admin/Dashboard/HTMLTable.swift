/// A table with a caption and column headers; on a phone each row becomes a block with labelled cells.
struct HTMLTable: Sendable {
    /// A row.
    struct Row: Sendable {
        /// What the row is about, unique in its table; empty if it can't be replaced alone.
        let key: String
        /// The row.
        let html: HTML

        /// A key that is the same in a page as here: what is long, or no plain text, is replaced by a digest.
        static func key(_ text: String) -> String {
            let isPlain = text.utf8.count <= 200 && text.utf8.allSatisfy { (0x20...0x7e).contains($0) }
            return isPlain ? text : "#" + ShownPart.digest(of: text)
        }
    }

    private let caption: String
    private let columns: [String]
    private let numbers: ClosedRange<Int>?
    private let isCaptionShown: Bool
    /// The rows.
    private(set) var rows: [Row] = []

    /// Creates an empty table.
    ///
    /// - Parameters:
    /// - numbers: the columns that are right-aligned.
    /// - isCaptionShown: whether the caption is visible; screen readers always read it.
    init(caption: String, columns: [String], numbers: ClosedRange<Int>? = nil, isCaptionShown: Bool = false) {
        self.caption = caption
        self.columns = columns
        self.numbers = numbers
        self.isCaptionShown = isCaptionShown
    }

    /// Adds a row; its first cell is the row header.
    ///
    /// - Parameter key: what the row is about, on pages that are kept up to date.
    mutating func add(key: String = "", _ cells: [HTML]) {
        let key = Row.key(key)
        rows.append(
            Row(
                key: key,
                html: .element("tr", ["data-row": key.isEmpty ? nil : key]) {
                    cells.enumerated().map { place, cell in
                        let column = place < columns.count ? columns[place] : ""
                        let look = numbers?.contains(place) == true ? "number" : nil
                        return place == 0
                            ? .element("th", ["scope": "row", "class": look]) { cell }
                            : .element("td", ["class": look, "data-label": column]) { cell }
                    }
                }))
    }

    /// The table in a frame that scrolls if the page is too narrow; a sentence if it has no rows.
    func html(empty sentence: String) -> HTML {
        rows.isEmpty ? .element("p", ["class": "none"]) { sentence } : html
    }

    /// The table in a frame that scrolls if the page is too narrow.
    var html: HTML { framing(rows.map(\.html)) }

    /// The same with other rows.
    func framing(_ rows: [HTML]) -> HTML {
        .element("table") {
            HTML.element("caption", ["class": isCaptionShown ? nil : "unseen"]) { caption }
            HTML.element("thead") {
                HTML.element("tr") {
                    columns.enumerated().map { place, column in
                        .element("th", ["scope": "col", "class": numbers?.contains(place) == true ? "number" : nil]) {
                            column
                        }
                    }
                }
            }
            HTML.element("tbody") { rows }
        }
    }
}

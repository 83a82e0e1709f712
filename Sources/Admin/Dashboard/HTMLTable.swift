/// A table with a caption and column headers; on a phone each row becomes a block with labelled cells.
struct HTMLTable: Sendable {
    private let caption: String
    private let columns: [String]
    private let numbers: ClosedRange<Int>?
    private let isCaptionShown: Bool
    private var rows: [HTML] = []

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
    mutating func add(_ cells: [HTML]) {
        rows.append(
            .element("tr") {
                cells.enumerated().map { place, cell in
                    let column = place < columns.count ? columns[place] : ""
                    let look = numbers?.contains(place) == true ? "number" : nil
                    return place == 0
                        ? .element("th", ["scope": "row", "class": look]) { cell }
                        : .element("td", ["class": look, "data-label": column]) { cell }
                }
            })
    }

    /// The table in a frame that scrolls if the page is too narrow; a sentence if it has no rows.
    func html(empty sentence: String) -> HTML {
        rows.isEmpty ? .element("p", ["class": "none"]) { sentence } : html
    }

    /// The table in a frame that scrolls if the page is too narrow.
    var html: HTML {
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

/// Rows in columns that are as wide as their widest cell.
struct Table {
    private let header: [String]
    private var rows: [[(text: String, style: Style?)]] = []

    /// Creates an empty table with a header.
    init(_ header: String...) {
        self.header = header
    }

    /// Adds a row; cells are made printable.
    mutating func add(_ cells: [(String, Style?)]) {
        rows.append(cells.map { ($0.0.printable, $0.1) })
    }

    /// Adds a row without styles.
    mutating func add(_ cells: String...) {
        add(cells.map { ($0, nil) })
    }

    /// The lines.
    ///
    /// The last column isn't padded.
    var lines: [String] {
        let widths = header.indices.map { column in
            ([header[column]] + rows.map { column < $0.count ? $0[column].text : "" }).map(\.count).max() ?? 0
        }
        func line(_ cells: [(text: String, style: Style?)]) -> String {
            cells.enumerated().map { column, cell in
                let text = column == cells.count - 1 ? cell.text : cell.text.padded(to: widths[column])
                return cell.style?(text) ?? text
            }.joined(separator: "  ")
        }
        return [line(header.map { ($0, .bold) })] + rows.map(line)
    }

    /// Prints the table, or a message if it is empty.
    func write(empty: String) {
        for line in rows.isEmpty ? [empty] : lines { Output.line(line) }
    }
}

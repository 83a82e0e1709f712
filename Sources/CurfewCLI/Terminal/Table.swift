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
    var lines: [String] { lines(fitting: nil) }

    /// The lines, no longer than that many columns.
    ///
    /// - Parameters:
    ///   - width: the most columns; nil for any number.
    ///   - dispensable: the columns that are left out if there is too little space, the first one first.
    ///   - optional: the columns that are left out if they are empty.
    func lines(fitting width: Int?, dispensable: [String] = [], optional: Set<String> = []) -> [String] {
        var widths = header.indices.map { column in
            ([header[column]] + rows.map { column < $0.count ? $0[column].text : "" }).map(\.count).max() ?? 0
        }
        var columns = header.indices.filter { column in
            !optional.contains(header[column]) || rows.contains { column < $0.count && !$0[column].text.isEmpty }
        }
        if let width, let last = columns.last {
            // The last column has the longest texts, which may be cut.
            let whole = widths[last]
            widths[last] = min(whole, max(header[last].count, Self.enough))
            for name in dispensable where Self.total(columns, widths) > width {
                columns.removeAll { header[$0] == name }
            }
            let room = width - Self.total(columns, widths)
            if room > 0 { widths[last] = min(whole, widths[last] + room) }
            // What is still too long is cut, from the last column on.
            for column in columns.reversed() {
                let excess = Self.total(columns, widths) - width
                if excess > 0 { widths[column] = max(Self.narrowest, widths[column] - excess) }
            }
        }
        func line(_ cells: [(text: String, style: Style?)]) -> String {
            columns.filter { $0 < cells.count }.map { column in
                let cell = cells[column]
                let clipped = cell.text.clipped(to: widths[column])
                let text = column == columns.last ? clipped : clipped.padded(to: widths[column])
                return cell.style?(text) ?? text
            }.joined(separator: "  ")
        }
        return [line(header.map { ($0, .bold) })] + rows.map(line)
    }

    /// The last column is cut to this before others are left out.
    private static let enough = 24
    /// No column is cut to less.
    private static let narrowest = 4

    /// The width of a line with these columns.
    private static func total(_ columns: [Int], _ widths: [Int]) -> Int {
        columns.map { widths[$0] }.reduce(0, +) + 2 * max(0, columns.count - 1)
    }

    /// Prints the table, or a message if it is empty.
    func write(empty: String) {
        for line in rows.isEmpty ? [empty] : lines { Output.line(line) }
    }
}

extension String {
    /// The text cut to this many characters; an ellipsis stands for the rest.
    func clipped(to width: Int) -> String {
        count <= width ? self : prefix(max(0, width - 1)) + "…"
    }

    /// The text in lines of at most this many characters, broken at spaces; nil breaks nothing.
    func wrapped(to width: Int?) -> [String] {
        let text = printable
        guard let width, width > 0, text.count > width else { return [text] }
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
            while line.count > width {
                lines.append(String(line.prefix(width)))
                line = String(line.dropFirst(width))
            }
        }
        return lines + [line]
    }
}

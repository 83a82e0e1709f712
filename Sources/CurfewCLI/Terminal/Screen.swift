internal import Foundation

/// The terminal's alternate screen.
///
/// The previous content is restored afterwards.
///
/// Lines aren't wrapped, and only as many are drawn as fit, so the terminal never scrolls. Every draw is one write, so
/// nothing flickers.
struct Screen {
    /// Switches to the alternate screen, without cursor and wrapping.
    func enter() {
        write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J")
    }

    /// Draws these lines, or the part of them that the scroll shows, in place of the previous ones.
    ///
    /// - Parameter hasKeys: whether keys are read, so that the last line says which.
    func draw(_ lines: [String], _ scroll: inout Scroll, hasKeys: Bool) {
        let page = page
        scroll.limit(to: lines.count, page: page)
        var shown = Array(lines.dropFirst(scroll.top).prefix(page))
        if hasKeys, page > 1 || lines.count <= page {
            var help = "q quit"
            if lines.count > page {
                help +=
                    " · ↑ ↓ PgUp PgDn scroll · lines \(scroll.top + 1)–\(scroll.top + shown.count) of \(lines.count)"
            }
            shown += Array(repeating: "", count: max(0, page - shown.count))
            shown.append(Style.dim(help.clipped(to: columns)))
        }
        write("\u{1B}[H" + shown.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }

    /// Switches back.
    func leave() {
        write("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
    }

    /// How many lines of the content fit above the line with the keys.
    var page: Int { max(1, size.rows - 1) }

    /// How many columns there are.
    var columns: Int { size.columns }

    /// The size; large if it is unknown.
    private var size: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
            return (1_000, 1_000)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    private func write(_ text: String) {
        Output.write(text, to: .standardOutput)
    }
}

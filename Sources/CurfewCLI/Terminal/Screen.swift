internal import Foundation

/// The terminal's alternate screen.
///
/// The previous content is restored afterwards.
///
/// Lines aren't wrapped, and lines that don't fit are left out, so nothing scrolls. Every draw is one write, so nothing
/// flickers.
struct Screen {
    /// Switches to the alternate screen, without cursor and wrapping.
    func enter() {
        write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J")
    }

    /// Draws these lines in place of the previous ones.
    func draw(_ lines: [String]) {
        let shown = lines.prefix(max(1, rows))
        write("\u{1B}[H" + shown.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }

    /// Switches back.
    func leave() {
        write("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
    }

    /// How many lines fit; many if the size is unknown.
    private var rows: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return 1_000 }
        return Int(size.ws_row)
    }

    private func write(_ text: String) {
        Output.write(text, to: .standardOutput)
    }
}

internal import Foundation

/// The terminal's other screen, drawn anew again and again; what was on the terminal before is there again afterwards.
///
/// Lines aren't wrapped and what doesn't fit is left out, so that nothing scrolls. Every draw is one write, which
/// doesn't flicker.
struct Screen {
    /// Switches to the other screen, without cursor and wrapping.
    func enter() {
        write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J")
    }

    /// Draws these lines in place of what is there.
    func draw(_ lines: [String]) {
        let shown = lines.prefix(max(1, rows))
        write("\u{1B}[H" + shown.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }

    /// Goes back.
    func leave() {
        write("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
    }

    /// How many lines fit; many where the terminal doesn't say.
    private var rows: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return 1_000 }
        return Int(size.ws_row)
    }

    private func write(_ text: String) {
        Output.write(text, to: .standardOutput)
    }
}

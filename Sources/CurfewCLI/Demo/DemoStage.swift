internal import Curfew
internal import Foundation

/// The demo's output: a line for each thing that happens and, on a terminal, a progress bar.
///
/// With `--json` it prints nothing but the summary.
struct DemoStage: Sendable {
    let isSilent: Bool
    private let start = ContinuousClock.now

    init(isSilent: Bool) {
        self.isSilent = isSilent
    }

    /// The number of seconds since the demo began.
    var seconds: Double { start.duration(to: .now) / .seconds(1) }

    /// Prints a line with the time.
    func say(_ text: String, _ style: Style? = nil) {
        guard !isSilent else { return }
        clear()
        Output.line(Style.dim(String(format: "%6.1fs  ", seconds)) + (style?(text) ?? text))
    }

    /// Shows the progress of a phase, in place of the previous bar.
    func meter(_ done: Int, of total: Int, _ text: String) {
        guard !isSilent, Output.showsProgress, total > 0 else { return }
        let share = min(max(done, 0), total) * 100 / total
        let bar = String(repeating: "█", count: share / 5).padded(to: 20)
        Output.progress("         \(bar) \(share)%  \(text)")
    }

    /// Removes the progress bar.
    func clear() {
        if !isSilent, Output.showsProgress { Output.note("\r\u{1B}[K") }
    }
}

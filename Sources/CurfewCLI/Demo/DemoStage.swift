internal import Curfew
internal import Foundation

/// Where the demo tells its story: a line for everything that happens, and on a terminal a bar for what is going on.
///
/// With `--json` it stays silent; the summary is all there is.
struct DemoStage: Sendable {
    let isSilent: Bool
    private let start = ContinuousClock.now

    init(isSilent: Bool) {
        self.isSilent = isSilent
    }

    /// Seconds since the demo began.
    var seconds: Double { start.duration(to: .now) / .seconds(1) }

    /// Says what happens, and when.
    func say(_ text: String, _ style: Style? = nil) {
        guard !isSilent else { return }
        clear()
        Output.line(Style.dim(String(format: "%6.1fs  ", seconds)) + (style?(text) ?? text))
    }

    /// Shows how far something is, in place of what was shown before.
    func meter(_ done: Int, of total: Int, _ text: String) {
        guard !isSilent, Output.showsProgress, total > 0 else { return }
        let share = min(max(done, 0), total) * 100 / total
        let bar = String(repeating: "█", count: share / 5).padded(to: 20)
        Output.note("\r\u{1B}[K         \(bar) \(share)%  \(text)")
    }

    /// Takes the bar away.
    func clear() {
        if !isSilent, Output.showsProgress { Output.note("\r\u{1B}[K") }
    }
}

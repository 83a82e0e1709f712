internal import Curfew

/// The progress of a run on one line of standard error, if that is a terminal.
enum Progress {
    /// Runs a body and shows the progress that the control reports.
    ///
    /// - Parameter label: what the line begins with.
    static func shown<Value: Sendable>(
        of control: RunControl, label: String = "", _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        guard Output.showsProgress else { return try await body() }
        async let line: Void = show(control, label)
        let value = try await body()
        control.advance { $0.step = done }
        await line
        return value
    }

    private static let done = "done"

    private static func show(_ control: RunControl, _ label: String) async {
        var isShown = false
        while control.progress.step != done, !Task.isCancelled {
            do {
                try await Task.sleep(for: .milliseconds(isShown ? 100 : 300))
            } catch {
                break
            }
            let now = control.progress
            if now.step == done { break }
            let bar = String(repeating: "█", count: now.percent / 5).padded(to: 20)
            let counts = "found \(now.found), changed \(now.changed), failed \(now.failed)"
            Output.progress("\(label.printable)\(bar) \(now.percent)%  \(now.step)  \(counts)")
            isShown = true
        }
        if isShown { Output.note("\r\u{1B}[K") }
    }
}

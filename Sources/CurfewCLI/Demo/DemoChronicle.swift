internal import Curfew

/// Tells what Curfew publishes while it happens: ended runs that did something, and alerts.
struct DemoChronicle {
    let demo: Demo
    private var lastRun = "0-0"
    private var lastAlert = "0-0"
    /// Cleanups that have changed something, those of them whose last run found nothing more, and refused ones.
    private var busy: Set<String> = [], settled: Set<String> = [], refused: Set<String> = []

    init(demo: Demo) {
        self.demo = demo
    }

    /// Whether a cleanup has nothing more to do: it has done something and then found nothing, or may do nothing.
    func hasEnded(_ cleanup: String) -> Bool {
        settled.contains(cleanup) || refused.contains(cleanup)
    }

    /// Says what is new since it was last asked.
    mutating func tellNews() async throws {
        let keys = demo.engine.keys
        let history = History(engine: demo.engine)
        for run in try await history.next(of: keys.runs, after: lastRun, within: .zero) {
            lastRun = run.id
            tell(run: run)
        }
        for alert in try await history.next(of: keys.alerts, after: lastAlert, within: .zero) {
            lastAlert = alert.id
            guard let state = alert["state"], state != "threshold" else { continue }
            let text = "alert \(alert["alert"] ?? "") \(state): \(alert["message"] ?? "")"
            demo.stage.say(text, state == "firing" ? .yellow : .dim)
        }
    }

    private mutating func tell(run: StreamEntry) {
        func number(_ name: String) -> Int { run[name].flatMap { Int($0) } ?? 0 }
        let cleanup = run["cleanup"] ?? ""
        let who = "\(run["run"] ?? "") on \(demo.name(of: run["instance"] ?? ""))"
        if run["status"] == "lost" {
            return demo.stage.say("\(who) is recorded as lost, its lease has run out", .yellow)
        }
        if run["status"] == "refused" {
            // Every run is, and once is enough to be told.
            guard refused.insert(cleanup).inserted else { return }
            return demo.stage.say("\(who) is refused by its guard: \(run["error"] ?? "")", .yellow)
        }
        guard number("changed") > 0 else {
            if busy.contains(cleanup), run["status"]?.hasPrefix("completed") == true { settled.insert(cleanup) }
            return
        }
        busy.insert(cleanup)
        settled.remove(cleanup)
        var text = "\(who): \(number("changed").grouped) records brought home"
        if number("retried") > 0 { text += ", \(number("retried").grouped) of them retried" }
        if number("refunded") > 0 { text += ", \(number("refunded").grouped) tokens refunded" }
        if number("bytes_freed") > 0 { text += ", \(number("bytes_freed").grouped) bytes of storage freed" }
        if number("failed") > 0 { text += ", \(number("failed").grouped) reported as malformed" }
        demo.stage.say(text, .green)
    }
}

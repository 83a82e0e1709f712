internal import Curfew

/// Reports what Curfew publishes while it happens: runs that changed something, and alerts.
struct DemoChronicle {
    let demo: Demo
    private var lastRun = "0-0"
    private var lastAlert = "0-0"
    /// Cleanups that have changed something, those of them whose last run found nothing more, and those whose run was
    /// refused.
    private var busy: Set<String> = [], settled: Set<String> = [], refused: Set<String> = []

    init(demo: Demo) {
        self.demo = demo
    }

    /// Whether a cleanup is done: it changed something and then found nothing, or its run was refused.
    func hasEnded(_ cleanup: String) -> Bool {
        settled.contains(cleanup) || refused.contains(cleanup)
    }

    /// Reports everything since the last call.
    mutating func reportNews() async throws {
        let keys = demo.engine.keys
        let history = History(engine: demo.engine)
        for run in try await history.next(of: keys.runs, after: lastRun, within: .zero) {
            lastRun = run.id
            report(run)
        }
        for alert in try await history.next(of: keys.alerts, after: lastAlert, within: .zero) {
            lastAlert = alert.id
            guard let state = alert["state"], state != "threshold" else { continue }
            let text = "alert \(alert["alert"] ?? "") \(state): \(alert["message"] ?? "")"
            demo.stage.say(text, state == "firing" ? .yellow : .dim)
        }
    }

    private mutating func report(_ run: StreamEntry) {
        func number(_ name: String) -> Int { run[name].flatMap { Int($0) } ?? 0 }
        let cleanup = run["cleanup"] ?? ""
        let who = "\(run["run"] ?? "") on \(demo.name(of: run["instance"] ?? ""))"
        if run["status"] == "lost" {
            return demo.stage.say("\(who) is recorded as lost: its lease expired", .yellow)
        }
        if run["status"] == "refused" {
            // Every run of this cleanup is refused; it is reported once.
            guard refused.insert(cleanup).inserted else { return }
            return demo.stage.say("\(who) was refused by its guard: \(run["error"] ?? "")", .yellow)
        }
        guard number("changed") > 0 else {
            if busy.contains(cleanup), run["status"]?.hasPrefix("completed") == true { settled.insert(cleanup) }
            return
        }
        busy.insert(cleanup)
        settled.remove(cleanup)
        var text = "\(who): \(number("changed").grouped) records changed"
        if number("retried") > 0 { text += ", \(number("retried").grouped) of them retried" }
        if number("refunded") > 0 { text += ", \(number("refunded").grouped) tokens refunded" }
        if number("bytes_freed") > 0 { text += ", \(number("bytes_freed").grouped) bytes of storage freed" }
        if number("failed") > 0 { text += ", \(number("failed").grouped) reported as malformed" }
        demo.stage.say(text, .green)
    }
}

internal import Curfew
internal import Policies

/// Entries of Curfew's streams as table rows.
enum EntryView {
    /// Ended runs, newest first, one line each.
    ///
    /// - Parameter width: how many columns a line may have; nil for any number.
    static func lines(runs: [StreamEntry], width: Int? = nil) -> [String] {
        guard !runs.isEmpty else { return ["no runs"] }
        var table = Table(
            "RUN", "STATUS", "STARTED", "TOOK", "FOUND", "CHANGED", "RETRIED", "SKIPPED", "FAILED", "REFUNDED",
            "TRIGGER",
            "INSTANCE", "ERROR")
        for run in runs {
            let status = run["status"] ?? ""
            var row: [(String, Style?)] = [
                (run["run"] ?? "", .bold),
                (status + (run["dry_run"] == "1" ? " (dry run)" : ""), style(ofRun: status)),
                (TimeText.moment(run["started_ms"]), nil), (TimeText.span(run["started_ms"], run["finished_ms"]), nil),
            ]
            for name in [
                "found", "changed", "retried", "skipped", "failed", "refunded", "trigger", "instance", "error",
            ] {
                row.append((run[name] ?? "", nil))
            }
            table.add(row)
        }
        return table.lines(
            fitting: width,
            dispensable: [
                "INSTANCE", "TRIGGER", "RETRIED", "SKIPPED", "REFUNDED", "TOOK", "STARTED",
            ])
    }

    /// The run; for an operator's action outside a run, the cleanup.
    private static func place(of event: Event) -> String { event.run.isEmpty ? event.cleanup : event.run }

    /// Prints single changes, newest first.
    static func write(events: [StreamEntry]) {
        var table = Table("AT", "RUN", "RECORD", "ACTION", "FROM", "TO", "TOKENS", "REASON")
        for event in events.map(Event.init) {
            table.add([
                (TimeText.moment(event.time), nil), (place(of: event), nil), (event.record, .bold),
                (event.action, nil), (event.from, nil), (event.to, nil),
                (event.tokens == 0 ? "" : String(event.tokens), nil), (event.reason, nil),
            ])
        }
        table.write(empty: "no events")
    }

    /// Prints the events of one record, newest first.
    static func write(history: RecordHistory) {
        var table = Table("AT", "RUN", "ACTION", "FROM", "TO", "TOKENS", "UNDONE BY", "REASON")
        for item in history.items {
            let event = Event(item.entry)
            table.add([
                (TimeText.moment(event.time), nil), (place(of: event), nil), (event.action, nil), (event.from, nil),
                (event.to, nil), (event.tokens == 0 ? "" : String(event.tokens), nil), (item.undoneBy ?? "", nil),
                (event.reason, nil),
            ])
        }
        table.write(empty: "no events")
        if let remark = history.remark { Output.line(Style.dim(remark.printable)) }
        if history.next != nil, !history.limitReached { Output.line(Style.dim("… and older events")) }
    }

    /// The header of alerts.
    static var alertHeader: String {
        let words = ["AT".padded(to: 20), "STATE".padded(to: 9), "SEVERITY".padded(to: 8), "ALERT".padded(to: 16)]
        return Style.bold((words + ["MESSAGE"]).joined(separator: "  "))
    }

    /// One alert on one line, so that more can follow.
    static func line(alert: StreamEntry) -> String {
        let state = alert["state"] ?? ""
        let head = [TimeText.moment(of: alert), state.padded(to: 9), (alert["severity"] ?? "").padded(to: 8)]
        let text = "\((alert["alert"] ?? "").padded(to: 16))  \(alert["message"] ?? "")".printable
        let words = head.map(\.printable).joined(separator: "  ")
        return (style(ofAlert: state)?(words) ?? words) + "  " + text
    }

    /// The colour of how a run ended.
    static func style(ofRun status: String) -> Style? {
        switch status {
        case "completed": .green
        case "failed", "lost", "refused": .red
        default: .yellow
        }
    }

    private static func style(ofAlert state: String) -> Style? {
        switch state {
        case "firing": .red
        case "resolved": .green
        default: .dim
        }
    }
}

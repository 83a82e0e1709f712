internal import Curfew
internal import Policies

/// Ended runs, newest first.
enum RunsTable {
    private static let empty = "No runs yet."

    /// The table as a part of a page.
    static func fragment(_ runs: [StreamEntry], now: Timestamp, caption: String) -> Fragment {
        Fragment(id: "runs", table(runs, now: now, caption: caption), empty: empty)
    }

    /// The table alone.
    static func html(_ runs: [StreamEntry], now: Timestamp, caption: String) -> HTML {
        table(runs, now: now, caption: caption).html(empty: empty)
    }

    /// A run's id contains the name of its cleanup.
    private static func table(_ runs: [StreamEntry], now: Timestamp, caption: String) -> HTMLTable {
        var table = HTMLTable(
            caption: caption,
            columns: [
                "Run", "Status", "Started", "Took", "Found", "Changed", "Skipped", "Errors", "Refunded", "By",
            ], numbers: 4...8)
        for run in runs {
            let id = run["run"] ?? ""
            table.add(
                key: run.id,
                [
                    .element("a", ["href": Link.run(id), "id": "to-\(id)"]) { HTML.element("bdi") { id } },
                    StateBadge.html(ofRun: run["status"] ?? "", isDryRun: run["dry_run"] == "1"),
                    Wording.moment(run["started_ms"], now: now),
                    HTML(TimeText.span(run["started_ms"], run["finished_ms"])),
                    HTML(Wording.number(run["found"])), HTML(Wording.number(run["changed"])),
                    some(run["skipped"]), some(run["failed"]), some(run["refunded"]),
                    .joined([HTML((run["trigger"] ?? "") + " "), .element("bdi") { run["instance"] ?? "" }]),
                ])
        }
        return table
    }

    /// A number that is usually 0: only another one is worth reading.
    private static func some(_ number: String?) -> HTML { HTML(number == "0" ? "" : Wording.number(number)) }
}

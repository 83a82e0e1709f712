internal import Curfew
internal import Policies

/// The page of one run: its result, its changes, and its undo.
enum RunPage {
    /// How many changes are listed.
    static let most = 200

    /// The page.
    static func html(
        _ run: [String: String], changes: [StreamEntry], hasMore: Bool, errors: [StreamEntry], now: Timestamp,
        names: [String],
        _ viewer: Page.Viewer
    ) -> String {
        let id = run["run"] ?? ""
        let cleanup = run["cleanup"] ?? ""
        return Page(title: "Run \(id)", cleanups: names, current: cleanup, now: now).html(viewer) {
            facts(run, now: now)
            remarks(run, of: cleanup)
            if viewer.role == .admin, run["status"] != "running", run["dry_run"] != "1" {
                Section(id: "s-undo", heading: "Undo").html {
                    HTML.element("p") {
                        "Reverts the changes of this run, for records that have not changed since. "
                            + "Objects deleted from storage can't be restored."
                    }
                    Form(
                        action: Link.run(id, "undo"), button: "Undo this run", look: "danger",
                        question: "Undo the changes of \(id)?"
                    ).html(viewer)
                }
            }
            if !errors.isEmpty {
                Section(id: "s-errors", heading: "Errors").html { errorsTable(errors, of: id, now: now) }
            }
            Section(id: "s-events", heading: "Changes").html {
                EventsTable.html(changes, now: now, caption: "Changes by \(id)", hasImages: true)
                if hasMore {
                    HTML.element("p", ["class": "note"]) {
                        "The newest \(most) changes are listed. For all of them: curfew events --run \(id)"
                    }
                }
            }
            HTML.element("p") { HTML.element("a", ["href": Link.cleanup(cleanup)]) { "Back to \(cleanup)" } }
        }
    }

    /// The errors of the run, with reasons.
    private static func errorsTable(_ errors: [StreamEntry], of run: String, now: Timestamp) -> HTML {
        var table = HTMLTable(caption: "Errors of \(run)", columns: ["Record", "Key", "When", "Reason"])
        for error in errors {
            table.add([
                Facts.foreign(error["record"]), Facts.foreign(error["key"]), Wording.moment(error["at_ms"], now: now),
                Facts.foreign(error["reason"]),
            ])
        }
        return table.html(empty: "")
    }

    /// Remarks on the run.
    private static func remarks(_ run: [String: String], of cleanup: String) -> HTML {
        if run["status"] == "running" {
            return .element("p", ["class": "notice working"]) {
                "This run is not finished: "
                HTML.element("a", ["href": Link.cleanup(cleanup)]) { "see its progress or cancel it" }
                "."
            }
        }
        guard let failed = run["failed"].flatMap({ Int64($0) }), failed > 0 else { return .nothing }
        return .element("p", ["class": "notice warning"]) {
            "Records with errors are unchanged and still due: "
            HTML.element("a", ["href": Link.cleanup(cleanup, "preview")]) { "the preview lists them with reasons" }
            "."
        }
    }

    private static func facts(_ run: [String: String], now: Timestamp) -> HTML {
        let status = run["status"] ?? ""
        let rows: [(String, HTML)] = [
            ("Status", StateBadge.html(ofRun: status, isDryRun: run["dry_run"] == "1")),
            ("Cleanup", HTML(run["cleanup"] ?? "")), ("Instance", Facts.foreign(run["instance"])),
            ("Trigger", HTML(run["trigger"] ?? "")), ("Fence", HTML(run["fence"] ?? "")),
            // For a manual run it is the time of the next scheduled run, which says nothing about this one.
            ("Due", run["trigger"] == "schedule" ? Wording.moment(run["due_ms"], now: now) : .nothing),
            ("Started", Wording.moment(run["started_ms"] ?? run["acquired_ms"], now: now)),
            ("Took", HTML(TimeText.span(run["started_ms"], run["finished_ms"]))),
            ("Found", HTML(Wording.number(run["found"]))), ("Changed", HTML(Wording.number(run["changed"]))),
            ("Retried", HTML(Wording.number(run["retried"]))), ("Skipped", HTML(Wording.number(run["skipped"]))),
            ("Failed", HTML(Wording.number(run["failed"]))), ("Refunded", HTML(Wording.number(run["refunded"]))),
            ("Freed", HTML(run["bytes_freed"].flatMap { Int64($0) }.map { ByteCount.text($0) } ?? "")),
            ("Absent", HTML(run["absent"].flatMap { $0 == "0" ? nil : Wording.number($0) } ?? "")),
            ("Error", Facts.foreign(run["error"])),
        ]
        return Facts.html(rows)
    }
}

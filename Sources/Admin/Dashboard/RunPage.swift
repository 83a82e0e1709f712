internal import Curfew
internal import Policies

/// The page of one run: how it went, what it changed, and its undo.
enum RunPage {
    /// The most changes that are listed.
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
                        "Puts back what the run did, where the records still are as it left them. "
                            + "Objects that were deleted from storage can't be put back."
                    }
                    Form(
                        action: Link.run(id, "undo"), button: "Undo this run", look: "danger",
                        question: "Put back what \(id) changed?"
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
                        "These are the newest \(most). All of them: curfew events --run \(id)"
                    }
                }
            }
            HTML.element("p") { HTML.element("a", ["href": Link.cleanup(cleanup)]) { "To \(cleanup)" } }
        }
    }

    /// The records that could not be dealt with, and why.
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

    /// What else whoever looks at it will want to know.
    private static func remarks(_ run: [String: String], of cleanup: String) -> HTML {
        if run["status"] == "running" {
            return .element("p", ["class": "notice working"]) {
                "It is under way: "
                HTML.element("a", ["href": Link.cleanup(cleanup)]) { "its progress, and how to stop it" }
                "."
            }
        }
        guard let failed = run["failed"].flatMap({ Int64($0) }), failed > 0 else { return .nothing }
        return .element("p", ["class": "notice warning"]) {
            "Records that could not be dealt with stay as they are, and due: "
            HTML.element("a", ["href": Link.cleanup(cleanup, "preview")]) { "the preview names them and says why" }
            "."
        }
    }

    private static func facts(_ run: [String: String], now: Timestamp) -> HTML {
        let status = run["status"] ?? ""
        let rows: [(String, HTML)] = [
            ("Status", StateBadge.html(ofRun: status, isDryRun: run["dry_run"] == "1")),
            ("Cleanup", HTML(run["cleanup"] ?? "")), ("Instance", Facts.foreign(run["instance"])),
            ("Caused by", HTML(run["trigger"] ?? "")), ("Fence", HTML(run["fence"] ?? "")),
            // Of a run that somebody asked for it is the time of the next one, and says nothing about this one.
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

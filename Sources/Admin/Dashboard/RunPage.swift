internal import Curfew
internal import Policies

/// The page of one run: its result, its changes, and its undo.
enum RunPage {
    /// How many changes are listed.
    static let most = 200

    /// What is shown of a run.
    struct Content: Sendable {
        /// The run, as the history or its lease has it.
        var run: [String: String]
        /// Its newest changes, and whether there are more.
        var changes: [StreamEntry], hasMore: Bool
        /// Its errors.
        var errors: [StreamEntry]
        /// The runs that undid it or some of its changes, newest first.
        var undos: [StreamEntry]
        /// Whether this instance's configuration has its cleanup.
        var isConfigured: Bool

        /// Whether an undo of the whole run has done all that it can.
        var isUndone: Bool {
            undos.contains { ($0["record"] ?? "").isEmpty && $0["status"] == RunResult.Status.completed.rawValue }
        }

        /// Whether there is something that an undo could revert.
        var isUndoable: Bool {
            run["status"] != "running" && run["dry_run"] != "1" && run["trigger"] != Trigger.undo && isConfigured
                && !isUndone && !changes.isEmpty
        }
    }

    /// The page.
    static func html(_ content: Content, now: Timestamp, names: [String], _ viewer: Page.Viewer) -> String {
        let run = content.run
        let (changes, errors) = (content.changes, content.errors)
        let id = run["run"] ?? ""
        let cleanup = run["cleanup"] ?? ""
        return Page(title: "Run \(id)", cleanups: names, current: cleanup, now: now).html(viewer) {
            facts(run, now: now)
            remarks(run, of: cleanup)
            undos(content, now: now)
            if viewer.role == .admin, content.isUndoable {
                Section(id: "s-undo", heading: "Undo").html {
                    HTML.element("p") {
                        "Reverts the changes of this run, for records that have not changed since. "
                            + "Objects deleted from storage can't be restored. The page of a record undoes its change alone."
                    }
                    Form(
                        action: Link.run(id, "undo"), button: "Undo this run", look: "danger",
                        question: "Undo the changes of \(id)?"
                    ).html(viewer)
                }
            }
            if !errors.isEmpty {
                Section(id: "s-errors", heading: "Errors").html { errorsTable(errors, of: id, cleanup, now: now) }
            }
            Section(id: "s-events", heading: "Changes").html {
                EventsTable.html(changes, now: now, caption: "Changes by \(id)", hasImages: true)
                if content.hasMore {
                    HTML.element("p", ["class": "note"]) {
                        "The newest \(most) changes are listed. For all of them: curfew events --run \(id)"
                    }
                }
            }
            HTML.element("p") { HTML.element("a", ["href": Link.cleanup(cleanup)]) { "Back to \(cleanup)" } }
        }
    }

    /// What the run undid, and what has undone it.
    private static func undos(_ content: Content, now: Timestamp) -> HTML {
        let run = content.run
        if let undone = run["undoes"], !undone.isEmpty {
            return .element("p", ["class": "notice working"]) {
                "This run undid "
                HTML.element("a", ["href": Link.run(undone)]) { HTML.element("bdi") { undone } }
                if let record = run["record"], !record.isEmpty {
                    ", only its change of "
                    EventsTable.record(record, of: run["cleanup"] ?? "")
                }
                "."
            }
        }
        return .joined(
            content.undos.map { undo in
                .element("p", ["class": "notice working"]) {
                    if let record = undo["record"], !record.isEmpty {
                        "The change of "
                        EventsTable.record(record, of: undo["cleanup"] ?? "")
                        " was undone by "
                    } else {
                        "Undone by "
                    }
                    HTML.element("a", ["href": Link.run(undo["run"] ?? "")]) {
                        HTML.element("bdi") { undo["run"] ?? "" }
                    }
                    " "
                    Wording.moment(undo["finished_ms"], now: now)
                    ": \((undo["status"] ?? "").replacing("_", with: " ")), put back "
                        + "\(Wording.number(undo["changed"])) of \(Wording.number(undo["found"]))."
                }
            })
    }

    /// The errors of the run, with reasons.
    private static func errorsTable(_ errors: [StreamEntry], of run: String, _ cleanup: String, now: Timestamp) -> HTML
    {
        var table = HTMLTable(caption: "Errors of \(run)", columns: ["Record", "Key", "When", "Reason"])
        for error in errors {
            table.add([
                EventsTable.record(error["record"] ?? "", of: cleanup), Facts.foreign(error["key"]),
                Wording.moment(error["at_ms"], now: now),
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
            ("Errors", HTML(Wording.number(run["failed"]))), ("Refunded", HTML(Wording.number(run["refunded"]))),
            ("Actions", HTML(actions(run))),
            ("Freed", HTML(run["bytes_freed"].flatMap { Int64($0) }.map { ByteCount.text($0) } ?? "")),
            ("Absent", HTML(run["absent"].flatMap { $0 == "0" ? nil : Wording.number($0) } ?? "")),
            ("Error", Facts.foreign(run["error"])),
        ]
        return Facts.html(rows)
    }

    /// What was done how often: `fail 3, retry 2`.
    private static func actions(_ run: [String: String]) -> String {
        (run["actions"].flatMap(TypedEntry.counts) ?? [:]).sorted { $0.key < $1.key }
            .map { "\($0.key) \(Wording.number($0.value))" }.joined(separator: ", ")
    }
}

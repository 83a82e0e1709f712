internal import Curfew

/// The preview of a run, record by record, with reasons.
enum PreviewPage {
    /// The page.
    ///
    /// - Parameter plan: the form that runs what is shown; nil for a viewer.
    static func html(_ result: RunResult, _ plan: PlanForm?, names: [String], _ viewer: Page.Viewer) -> String {
        let title = "Preview of \(result.cleanup)"
        return Page(title: title, cleanups: names, current: result.cleanup).html(viewer) {
            HTML.element("p", ["class": "verdict"]) { result.message }
            if let plan, viewer.role == .admin {
                if result.status == .refused {
                    HTML.element("p", ["class": "note"]) {
                        "The guard would refuse this run. Its page has a form that overrides the guard, with a reason."
                    }
                } else {
                    HTML.element("div", ["class": "actions"]) { plan.html(result.cleanup, viewer) }
                }
            }
            Section(id: "s-records", heading: "Changes").html {
                records(result)
                if result.records.count < result.totalFound - result.failed {
                    HTML.element("p", ["class": "note"]) {
                        "The first \(result.records.count) changes are listed. For all of them: "
                            + "curfew preview \(result.cleanup) --out plan.json"
                    }
                }
            }
            if !result.errors.isEmpty {
                Section(id: "s-errors", heading: "Errors").html {
                    errors(result.errors, of: result.cleanup)
                }
            }
            HTML.element("p") {
                HTML.element("a", ["href": Link.cleanup(result.cleanup)]) { "Back to \(result.cleanup)" }
            }
        }
    }

    private static func records(_ result: RunResult) -> HTML {
        var table = HTMLTable(
            caption: "Changes that a run would make",
            columns: ["Record", "Action", "From → to", "Type", "Age", "Timeout", "Refund", "Reason"], numbers: 6...6)
        for record in result.records.sorted(by: { $0.ageMs > $1.ageMs }) {
            table.add([
                EventsTable.record(record.id, of: result.cleanup), HTML(record.action),
                HTML([record.from, record.to].filter { !$0.isEmpty }.joined(separator: " → ")), HTML(record.type),
                HTML(Wording.span(record.ageMs)), HTML(Wording.span(record.timeoutMs)),
                HTML(Wording.number("\(record.tokensRefunded)")),
                .element("bdi") { EventsTable.shortened(record.reason) },
            ])
        }
        return table.html(empty: "No record is past its time.")
    }

    private static func errors(_ errors: [RunResult.Failure], of cleanup: String) -> HTML {
        var table = HTMLTable(caption: "Records with errors", columns: ["Record", "Error"])
        for error in errors {
            table.add([
                EventsTable.record(error.id, of: cleanup), .element("bdi") { EventsTable.shortened(error.error) },
            ])
        }
        return table.html
    }
}

internal import Curfew

/// The preview of a run, record by record, with reasons.
enum PreviewPage {
    /// The page.
    static func html(_ result: RunResult, names: [String], _ viewer: Page.Viewer) -> String {
        let title = "Preview of \(result.cleanup)"
        return Page(title: title, cleanups: names, current: result.cleanup).html(viewer) {
            HTML.element("p", ["class": "verdict"]) { result.message }
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
                    errors(result.errors, caption: "Records with errors")
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
        for record in result.records {
            table.add([
                .element("bdi") { EventsTable.shortened(record.id) }, HTML(record.action),
                HTML([record.from, record.to].filter { !$0.isEmpty }.joined(separator: " → ")), HTML(record.type),
                HTML(Wording.span(record.ageMs)), HTML(Wording.span(record.timeoutMs)),
                HTML(Wording.number(record.tokensRefunded)), .element("bdi") { EventsTable.shortened(record.reason) },
            ])
        }
        return table.html(empty: "No record is past its time.")
    }

    private static func errors(_ errors: [RunResult.Failure], caption: String) -> HTML {
        var table = HTMLTable(caption: caption, columns: ["Record", "Error"])
        for error in errors {
            table.add([
                .element("bdi") { EventsTable.shortened(error.id) },
                .element("bdi") { EventsTable.shortened(error.error) },
            ])
        }
        return table.html
    }
}

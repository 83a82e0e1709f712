internal import Curfew
internal import Policies
internal import RedisClient

/// The page of one cleanup: its state, history, settings and operations.
enum CleanupPage {
    /// The page.
    static func html(_ view: CleanupView, names: [String], _ viewer: Page.Viewer) -> String {
        let fragments = view.fragments
        let parts = Dictionary(fragments.map { ($0.id, $0.html) }) { first, _ in first }
        func part(_ id: String) -> HTML { parts[id] ?? .nothing }
        let name = view.status.name
        return Page(title: name, live: (.cleanup(name), fragments), cleanups: names, current: name, now: view.now)
            .html(viewer) {
                part("state")
                if view.cleanup != nil { looking(name, isFiles: view.status.policy == PolicyKind.files.rawValue) }
                if viewer.role == .admin { Section(id: "s-actions", heading: "Actions").html { actions(view, viewer) } }
                Section(id: "s-charts", heading: "Last 24 hours").html { part("charts") }
                Section(id: "s-runs", heading: "Runs").html {
                    part("runs")
                    if let next = view.runs.next {
                        HTML.element("p") {
                            HTML.element(
                                "a", ["href": Link.cleanup(name, "runs") + "?before=\(PercentEncoding.encoded(next))"]
                            ) {
                                "Older runs"
                            }
                        }
                    }
                }
                Section(id: "s-events", heading: "Changes").html {
                    part("events")
                    HTML.element("p", ["class": "note"]) { "The page of a run lists all its changes." }
                }
                Section(id: "s-settings", heading: "Settings").html { settings(view) }
            }
    }

    /// The page of older runs.
    static func olderRuns(_ view: CleanupView, names: [String], _ viewer: Page.Viewer) -> String {
        let name = view.status.name
        return Page(title: "Older runs of \(name)", cleanups: names, current: name, now: view.now).html(viewer) {
            RunsTable.html(view.runs.entries, now: view.now, caption: "Older runs of \(name)")
            HTML.element("p") {
                HTML.element("a", ["href": Link.cleanup(name)]) { "Back to \(name)" }
                if let next = view.runs.next {
                    " · "
                    HTML.element("a", ["href": Link.cleanup(name, "runs") + "?before=\(PercentEncoding.encoded(next))"])
                    {
                        "Older runs"
                    }
                }
            }
        }
    }

    private static func looking(_ name: String, isFiles: Bool) -> HTML {
        .element("p", ["class": "links"]) {
            HTML.element("a", ["href": Link.cleanup(name, "preview"), "class": "button"]) {
                "Preview a run"
            }
            " "
            HTML.element("a", ["href": Link.cleanup(name, "stats"), "class": "button"]) {
                isFiles ? "Count files and bytes" : "Count records"
            }
        }
    }

    private static func actions(_ view: CleanupView, _ viewer: Page.Viewer) -> HTML {
        let name = view.status.name
        return .element("div", ["class": "actions"]) {
            if let cleanup = view.cleanup, view.status.paused == nil {
                Form(
                    action: Link.cleanup(name, "run"), button: "Run now", look: "main",
                    question: cleanup.removesRecords && !cleanup.isDryRun
                        ? "Run \(name) now? It removes records; the preview shows which." : nil
                ).html(viewer) {
                    field("limit", "Limit", ["inputmode": "numeric", "pattern": "[0-9]*"])
                    HTML.element("label", ["class": "check"]) {
                        HTML.element("input", ["type": "checkbox", "name": "dryRun", "value": "1"])
                        " Dry run"
                    }
                    if cleanup.keepsTrash, cleanup.removesRecords {
                        HTML.element("label", ["class": "check"]) {
                            HTML.element("input", ["type": "checkbox", "name": "noTrash", "value": "1"])
                            " Keep no copy of removed records: frees memory at once, but undo can't restore them"
                        }
                    }
                    if cleanup.mayBeRefused { override }
                }
            }
            if view.status.isGone {
                Form(
                    action: Link.cleanup(name, "forget"), button: "Forget this cleanup", look: "danger",
                    question: "Take \(name) off the schedule? Its history and its events stay."
                ).html(viewer)
            }
            if view.status.paused == nil {
                Form(action: Link.cleanup(name, "pause"), button: "Pause").html(viewer) {
                    field("why", "Reason", ["required": "", "maxlength": "500"])
                }
            } else {
                Form(action: Link.cleanup(name, "resume"), button: "Resume", look: "main").html(viewer)
            }
            // Shown by the style sheet while the part above, which is kept up to date, shows a current run.
            HTML.element("div", ["class": "while-running"]) {
                Form(
                    action: Link.cleanup(name, "cancel"), button: "Cancel the current run", look: "danger",
                    question: "Stop the run of \(name) after its current page?"
                ).html(viewer)
            }
        }
    }

    /// The fields that override the guard; a reason is required with them.
    private static var override: HTML {
        .element("details") {
            HTML.element("summary") { "Override the guard" }
            HTML.element("label", ["class": "check"]) {
                HTML.element("input", ["type": "checkbox", "name": "overrideGuard", "value": "1"])
                " Override the guard. Recorded with your name."
            }
            field("overrideReason", "Why", ["maxlength": "500"])
        }
    }

    private static func field(
        _ name: String, _ label: String, _ attributes: KeyValuePairs<StaticString, String?>
    ) -> HTML {
        .element("label") {
            label
            HTML.input(name: name, attributes)
        }
    }

    /// The keys of the file that the rows above show; the other keys belong to the policy and are shown as written.
    private static let common: Set = [
        "policy", "every", "cron", "timezone", "records", "index", "scan", "status", "states", "format", "enabled",
        "dry-run", "limit", "page", "run-timeout", "misfire-grace", "undo", "guard", "title", "category", "color",
    ]

    private static func settings(_ view: CleanupView) -> HTML {
        guard let cleanup = view.cleanup else {
            let users = view.status.knownBy ?? []
            return .element("p") {
                if users.isEmpty {
                    "Neither this instance nor another living one has this cleanup in its configuration: forget it, or put "
                        + "it back in the file."
                } else {
                    "This instance's configuration doesn't have it; that of \(users.joined(separator: ", ")) does."
                }
            }
        }
        let settings = CleanupSettings(cleanup)
        let rows: [(String, String?)] = [
            ("Title", cleanup.title), ("Category", cleanup.category),
            ("Policy", settings.policy), ("Schedule", settings.schedule),
            ("Scheduled", settings.enabled ? "yes" : "no"), ("Dry run", settings.dryRun ? "yes" : "no"),
            ("Records", settings.records), ("Format", settings.format),
            ("Index", settings.index ?? "kept by Curfew"), ("Status field", settings.status),
            ("States", cleanup.policy.activeStates?.joined(separator: ", ")),
            ("Longest timeout", settings.longestTimeout), ("Run timeout", settings.runTimeout),
            ("Records per run", settings.limit.map { "max \($0)" }),
            ("Records per page", settings.page.map { "\($0)" }),
            ("Guard", settings.guard), ("Misfire grace", settings.misfireGrace),
            ("Undo within", settings.undo), ("Scanned every", settings.scan),
            ("Fingerprint", settings.fingerprint),
        ]
        let own = cleanup.settings.filter { setting in
            setting.key.split(separator: ".").first.map { !common.contains(String($0)) } ?? false
        }
        return Facts.html((rows + own.map { ($0.key, $0.value) }).map { ($0.0, Facts.foreign($0.1)) })
    }
}

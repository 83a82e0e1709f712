internal import Curfew
internal import Policies
internal import RedisClient

/// The page of one cleanup: what it does, what it did, and what can be done about it.
enum CleanupPage {
    /// The page.
    static func html(_ view: CleanupView, names: [String], _ viewer: Page.Viewer) -> String {
        let parts = Dictionary(view.fragments.map { ($0.id, $0.html) }) { first, _ in first }
        func part(_ id: String) -> HTML { parts[id] ?? .nothing }
        let name = view.status.name
        return Page(title: name, live: LiveSubject.cleanup(name).text, cleanups: names, current: name, now: view.now)
            .html(viewer) {
                part("state")
                if view.cleanup != nil { looking(name, isFiles: view.status.policy == PolicyKind.files.rawValue) }
                if viewer.role == .admin { Section(id: "s-actions", heading: "Actions").html { actions(view, viewer) } }
                Section(id: "s-charts", heading: "The last 24 hours").html { part("charts") }
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
                    HTML.element("p", ["class": "note"]) { "All changes of a run are on the run's own page." }
                }
                Section(id: "s-settings", heading: "Settings").html { settings(view) }
            }
    }

    /// The page of earlier runs.
    static func olderRuns(_ view: CleanupView, names: [String], _ viewer: Page.Viewer) -> String {
        let name = view.status.name
        return Page(title: "Earlier runs of \(name)", cleanups: names, current: name, now: view.now).html(viewer) {
            RunsTable.html(view.runs.entries, now: view.now, caption: "Earlier runs of \(name)")
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
                "Preview: what a run would do"
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
            if view.cleanup != nil {
                Form(action: Link.cleanup(name, "run"), button: "Run now", look: "main").html(viewer) {
                    field("limit", "At most so many records", ["inputmode": "numeric", "pattern": "[0-9]*"])
                    HTML.element("label", ["class": "check"]) {
                        HTML.element("input", ["type": "checkbox", "name": "dryRun", "value": "1"])
                        " Only look (dry run)"
                    }
                    if let cleanup = view.cleanup, cleanup.keepsTrash, cleanup.removesRecords {
                        HTML.element("label", ["class": "check"]) {
                            HTML.element("input", ["type": "checkbox", "name": "noTrash", "value": "1"])
                            " Keep nothing of what is removed: no undo, and its memory is free at once"
                        }
                    }
                }
            }
            if view.status.paused == nil {
                Form(action: Link.cleanup(name, "pause"), button: "Pause").html(viewer) {
                    field("why", "Why it is paused", ["required": "", "maxlength": "500"])
                }
            } else {
                Form(action: Link.cleanup(name, "resume"), button: "Resume", look: "main").html(viewer)
            }
            // Shown by the style sheet while the part above says that a run is under way: that part is kept up to date.
            HTML.element("div", ["class": "while-running"]) {
                Form(
                    action: Link.cleanup(name, "cancel"), button: "Cancel the run under way", look: "danger",
                    question: "Stop the run of \(name) after the page in hand?"
                ).html(viewer)
            }
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

    /// The keys of the file that the rows before stand for; the others are the policy's own, and shown as they are.
    private static let common: Set = [
        "policy", "every", "cron", "timezone", "records", "index", "scan", "status", "states", "format", "enabled",
        "dry-run", "limit", "page", "run-timeout", "misfire-grace", "undo", "guard",
    ]

    private static func settings(_ view: CleanupView) -> HTML {
        guard let cleanup = view.cleanup else {
            return .element("p") { "This instance's configuration doesn't have it; another's does." }
        }
        let settings = CleanupSettings(cleanup)
        let rows: [(String, String?)] = [
            ("Policy", settings.policy), ("Schedule", settings.schedule),
            ("Runs by itself", settings.enabled ? "yes" : "no"), ("Only watches", settings.dryRun ? "yes" : "no"),
            ("Records", settings.records), ("Kept as", settings.format),
            ("Index", settings.index ?? "Curfew's own"), ("Status field", settings.status),
            ("States", cleanup.policy.activeStates?.joined(separator: ", ")),
            ("Longest timeout", settings.longestTimeout), ("Run timeout", settings.runTimeout),
            ("Records per run", settings.limit.map { "at most \($0)" }),
            ("Records per page", settings.page.map { "\($0)" }),
            ("Guard", settings.guard), ("Skipped when later than", settings.misfireGrace),
            ("Undo possible for", settings.undo), ("Scanned every", settings.scan),
            ("Fingerprint", settings.fingerprint),
        ]
        let own = cleanup.settings.filter { setting in
            setting.key.split(separator: ".").first.map { !common.contains(String($0)) } ?? false
        }
        return Facts.html((rows + own.map { ($0.key, $0.value) }).map { ($0.0, Facts.foreign($0.1)) })
    }
}

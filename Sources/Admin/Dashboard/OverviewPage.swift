internal import Curfew

/// The overview: the state of every cleanup and instance.
enum OverviewPage {
    /// The page.
    static func html(_ overview: Overview, _ viewer: Page.Viewer) -> String {
        let fragments = OverviewFragments.all(overview)
        let parts = Dictionary(fragments.map { ($0.id, $0.html) }) { first, _ in first }
        func part(_ id: String) -> HTML { parts[id] ?? .nothing }
        return Page(
            title: "Overview", live: (.overview, fragments), cleanups: overview.status.cleanups.map(\.name),
            now: overview.now
        ).html(viewer) {
            part("concerns")
            Section(id: "s-cleanups", heading: "Cleanups").html {
                part("states")
                if CleanupsTable.hasMore(overview) { NameFilter(action: Link.cleanups()).html }
                part("cleanups")
            }
            Section(id: "s-charts", heading: "Last 24 hours").html { part("charts") }
            Section(id: "s-runs", heading: "Newest runs").html { part("runs") }
            Section(id: "s-events", heading: "Newest changes").html { part("events") }
            Section(id: "s-alerts", heading: "Alerts").html { part("alerts") }
            Section(id: "s-pauses", heading: "Stale pauses").html { part("pauses") }
            Section(id: "s-instances", heading: "Instances").html { part("instances") }
        }
    }
}

/// A section of a page with a heading.
struct Section: Sendable {
    /// The id of its heading.
    let id: String
    /// The heading.
    let heading: String

    /// The section.
    func html(@HTMLBuilder _ content: () -> HTML) -> HTML {
        .element("section", ["aria-labelledby": id]) {
            HTML.element("h2", ["id": id]) { heading }
            content()
        }
    }
}

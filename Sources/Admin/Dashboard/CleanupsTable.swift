internal import Curfew
internal import Policies

/// Cleanups: state, last run, next run and due records.
enum CleanupsTable {
    /// How many cleanups the first page has; with more of them it begins with those that need attention.
    static let mostOnOverview = Status.few

    /// The parts of the first page: the table and, if it lacks some, how many there are in which state.
    static func fragments(_ overview: Overview) -> [Fragment] {
        let cleanups = overview.status.cleanups
        guard hasMore(overview) else {
            let empty = "No cleanup is configured or scheduled."
            return [Fragment(id: "cleanups", table(cleanups[...], now: overview.now), empty: empty)]
        }
        let groups = CleanupGroup.all(overview.status)
        let first = groups.flatMap(\.cleanups).prefix(mostOnOverview)
        return [
            Fragment(id: "states", content: summary(groups, all: cleanups.count)),
            Fragment(
                id: "cleanups", table(first, now: overview.now), empty: "",
                after: .element("p") {
                    HTML.element("a", ["href": Link.cleanups()]) { "All \(Wording.number(cleanups.count)) cleanups" }
                }),
        ]
    }

    /// Whether there are more cleanups than the first page has.
    static func hasMore(_ overview: Overview) -> Bool { overview.status.cleanups.count > mostOnOverview }

    /// The table.
    static func table(_ cleanups: ArraySlice<Status.CleanupStatus>, now: Timestamp) -> HTMLTable {
        var table = HTMLTable(
            caption: "Cleanups: state, last run, next run and due records",
            columns: ["Cleanup", "State", "Last run", "When", "Where", "Schedule", "Due", "Tracked"], numbers: 6...7)
        for cleanup in cleanups {
            table.add(
                key: cleanup.name,
                [
                    CleanupLabel.html(cleanup), StateBadge.html(cleanup),
                    OverviewFragments.lastRun(cleanup, now: now), OverviewFragments.when(cleanup),
                    OverviewFragments.whereabouts(cleanup),
                    HTML(cleanup.schedule ?? (cleanup.isGone ? "in no file" : "not configured here")),
                    HTML(cleanup.backlog.map { Wording.number($0) } ?? "–"),
                    HTML(cleanup.tracked.map { Wording.number($0) } ?? "–"),
                ])
        }
        return table
    }

    /// How many cleanups there are in each group, with links to them.
    static func summary(
        _ groups: [(group: CleanupGroup, cleanups: [Status.CleanupStatus])], all: Int, current: CleanupGroup? = nil
    ) -> HTML {
        .element("nav", ["class": "ranges", "aria-label": "States"]) {
            HTML.element("a", ["href": Link.cleanups()]) { "all \(Wording.number(all))" }
            groups.map { group, cleanups in
                .joined([
                    HTML(" "),
                    .element(
                        "a",
                        [
                            "href": Link.cleanups(state: group.rawValue),
                            "aria-current": group == current ? "page" : nil,
                        ]
                    ) { "\(group.rawValue) \(Wording.number(cleanups.count))" },
                ])
            }
        }
    }
}

/// The page with all cleanups.
enum CleanupsPage {
    /// What is asked for.
    struct Question: Sendable {
        /// The group; nil for all.
        var group: CleanupGroup?
        /// A text that the names contain.
        var name: String?
        /// The number of the page.
        var page = 1
    }

    /// The page.
    static func html(
        _ status: Status, _ question: Question, now: Timestamp, names: [String], _ viewer: Page.Viewer
    ) -> String {
        let groups = CleanupGroup.all(status)
        let found = groups.filter { question.group == nil || $0.group == question.group }.flatMap(\.cleanups)
            .filter { cleanup in
                NameFilter.passes(cleanup.name, question.name)
                    || NameFilter.passes(cleanup.title ?? "", question.name)
            }
        let listed = Listed(found, page: question.page)
        let state = question.group?.rawValue
        return Page(title: "Cleanups", cleanups: names, now: now).html(viewer) {
            CleanupsTable.summary(groups, all: status.cleanups.count, current: question.group)
            NameFilter(action: Link.cleanups(), name: question.name, others: [("state", state)]).html
            Section(id: "s-cleanups", heading: Listed<Never>.heading(found.count, of: status.cleanups.count)).html {
                CleanupsTable.table(listed.items[...], now: now).html(empty: "No cleanup like that.")
                listed.links { Link.cleanups(state: state, name: question.name, page: $0) }
            }
        }
    }
}

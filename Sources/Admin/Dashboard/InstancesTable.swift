internal import Curfew
internal import Policies

/// Instances: state, version, configuration, and what they run.
enum InstancesTable {
    /// How many instances the first page lists one by one; with more of them it counts them by group.
    static let mostOnOverview = Status.few
    /// How many that are gone, and how many groups, it lists then.
    private static let mostGone = 20, mostGroups = 30
    /// How many runs of an instance are named.
    private static let mostNamed = 5

    /// What instances are counted by.
    struct Group: Hashable, Sendable {
        /// Whether they are alive.
        var isAlive: Bool
        /// Their version and the fingerprint of their configuration; empty if they don't say.
        var version: String, configuration: String

        init(_ instance: Status.InstanceStatus) {
            isAlive = instance.isAlive
            (version, configuration) = (instance.version ?? "", instance.config ?? "")
        }

        /// The state in words.
        var state: String { isAlive ? "alive" : "gone" }
    }

    /// The part of the first page.
    static func fragment(_ overview: Overview) -> Fragment {
        let instances = overview.status.instances
        let empty = "No instance seen in the last 24 hours."
        guard instances.count > mostOnOverview else {
            return Fragment(id: "instances", table(instances[...], now: overview.now), empty: empty)
        }
        let gone = instances.filter { !$0.isAlive }
        let all = groups(instances)
        var counts = HTMLTable(
            caption: "Instances by state, version and configuration",
            columns: ["State", "Version", "Configuration", "Instances", "Runs"], numbers: 3...4)
        for (group, members) in all.prefix(mostGroups) {
            counts.add(
                key: "\(group.state) \(group.version) \(group.configuration)",
                [
                    badge(group.isAlive), HTML(short(group.version)), HTML(short(group.configuration, 8)),
                    .element("a", ["href": link(group)]) { Wording.number(members.count) },
                    HTML(Wording.number(members.reduce(0) { $0 + $1.running.count })),
                ])
        }
        return Fragment(
            id: "instances", counts, empty: empty,
            after: .joined([
                gone.isEmpty
                    ? .nothing : table(gone.prefix(mostGone), now: overview.now, "Instances that are gone").html,
                .element("p") {
                    if all.count > mostGroups { "And \(Wording.number(all.count - mostGroups)) more groups. " }
                    HTML.element("a", ["href": Link.instances()]) { "All \(Wording.number(instances.count)) instances" }
                },
            ]))
    }

    private static func link(_ group: Group) -> String {
        Link.instances(state: group.state, version: group.version, configuration: group.configuration)
    }

    /// The instances by group, those that are gone first, then the largest groups.
    private static func groups(
        _ instances: [Status.InstanceStatus]
    ) -> [(group: Group, members: [Status.InstanceStatus])] {
        Dictionary(grouping: instances, by: Group.init).sorted { left, right in
            if left.key.isAlive != right.key.isAlive { return right.key.isAlive }
            if left.value.count != right.value.count { return left.value.count > right.value.count }
            return (left.key.version, left.key.configuration) < (right.key.version, right.key.configuration)
        }.map { ($0.key, $0.value) }
    }

    /// The table of single instances.
    static func table(
        _ instances: ArraySlice<Status.InstanceStatus>, now: Timestamp,
        _ caption: String = "Instances seen in the last 24 hours"
    ) -> HTMLTable {
        var table = HTMLTable(
            caption: caption,
            columns: ["Instance", "State", "Seen", "Version", "Configuration", "Started", "Runs"])
        for instance in instances {
            let runs = instance.running
            let more = runs.count - mostNamed
            table.add(
                key: instance.id,
                [
                    .element("bdi") { instance.id.shortened(toMarkup: 100) }, badge(instance.isAlive),
                    Wording.moment(now - .milliseconds(max(0, instance.seenMsAgo)), now: now),
                    HTML(short(instance.version)), HTML(short(instance.config, 8)), HTML(short(instance.startedAt)),
                    HTML(
                        short(runs.prefix(mostNamed).joined(separator: ", "))
                            + (more > 0 ? " and \(more) more" : "")),
                ])
        }
        return table
    }

    private static func badge(_ isAlive: Bool) -> HTML {
        .element("span", ["class": isAlive ? "state good" : "state critical"]) { isAlive ? "alive" : "gone" }
    }

    /// A text from another instance, shortened; a dash if there is none.
    private static func short(_ text: String?, _ most: Int? = nil) -> String {
        guard let text, !text.isEmpty else { return "–" }
        return most.map { String(text.unicodeScalars.prefix($0)) } ?? text.shortened(toMarkup: 100)
    }
}

/// The page with all instances.
enum InstancesPage {
    /// What is asked for; nil for any.
    struct Question: Sendable {
        /// Their state: `alive` or `gone`.
        var state: String?
        /// Their version and the fingerprint of their configuration.
        var version: String?, configuration: String?
        /// A text that the names contain.
        var name: String?
        /// The number of the page.
        var page = 1

        /// Whether an instance is asked for.
        func passes(_ instance: Status.InstanceStatus) -> Bool {
            let group = InstancesTable.Group(instance)
            return (state ?? group.state) == group.state && (version ?? group.version) == group.version
                && (configuration ?? group.configuration) == group.configuration
                && NameFilter.passes(instance.id, name)
        }
    }

    /// The page: those that are gone first, then by name.
    static func html(
        _ status: Status, _ question: Question, now: Timestamp, names: [String], _ viewer: Page.Viewer
    ) -> String {
        let found = status.instances.filter(question.passes).sorted {
            $0.isAlive == $1.isAlive ? $0.id < $1.id : !$0.isAlive
        }
        let listed = Listed(found, page: question.page)
        let others = [
            ("state", question.state), ("version", question.version), ("configuration", question.configuration),
        ]
        return Page(title: "Instances", cleanups: names, now: now).html(viewer) {
            NameFilter(action: Link.instances(), name: question.name, others: others.map { ($0.0, $0.1) }).html
            Section(id: "s-instances", heading: Listed<Never>.heading(found.count, of: status.instances.count)).html {
                InstancesTable.table(listed.items[...], now: now).html(empty: "No instance like that.")
                listed.links {
                    Link.instances(
                        state: question.state, version: question.version, configuration: question.configuration,
                        name: question.name, page: $0)
                }
            }
        }
    }
}

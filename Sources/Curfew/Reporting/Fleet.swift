/// The instances that are alive, as far as they say something about cleanups.
struct Fleet: Sendable {
    /// How many instances and configurations a sentence names.
    private static let mostNamed = 5

    /// The living instances.
    let living: [Status.InstanceStatus]
    private let byConfiguration: [String: [Status.InstanceStatus]]
    /// By cleanup: the instances that don't run it although they have it.
    private let refusing: [String: [String]]

    init(_ instances: [Status.InstanceStatus]) {
        living = instances.filter(\.isAlive)
        byConfiguration = Dictionary(grouping: living) { $0.config ?? "unknown" }
        var refusing: [String: [String]] = [:]
        for instance in living {
            for cleanup in instance.refused ?? [] { refusing[cleanup, default: []].append(instance.id) }
        }
        self.refusing = refusing
    }

    /// The instances with given configurations; cleanups with the same ones share the answer.
    struct Users {
        private let fleet: Fleet
        private var known: [String: [Status.InstanceStatus]] = [:]

        init(_ fleet: Fleet) {
            self.fleet = fleet
        }

        /// The living instances with one of these configurations.
        ///
        /// - Parameter configurations: fingerprints, separated by spaces.
        mutating func having(_ configurations: String) -> [Status.InstanceStatus] {
            if let known = known[configurations] { return known }
            var users: [Status.InstanceStatus] = []
            for configuration in Set(configurations.split(separator: " ")) {
                users += fleet.byConfiguration[String(configuration)] ?? []
            }
            users.sort { $0.id < $1.id }
            known[configurations] = users
            return users
        }
    }

    /// Why living instances don't run a cleanup that they have.
    func refusal(of cleanup: String) -> String? {
        guard let refusing = refusing[cleanup]?.sorted() else { return nil }
        return "\(cleanup) means other records on \(Self.list(refusing)), which don't run it; "
            + "expected a separate prefix for each environment, or another name"
    }

    /// What a person should know of the instances.
    ///
    /// - Parameter own: the fingerprint of this configuration.
    func remarks(own: String) -> [String] {
        var remarks: [String] = []
        if byConfiguration.count > 1 {
            let parts = byConfiguration.sorted { $0.key < $1.key }.map {
                "\($0.key) on \(Self.list($0.value.map(\.id)))"
            }
            let more = parts.count - Self.mostNamed
            remarks.append(
                "instances run different configurations: " + parts.prefix(Self.mostNamed).joined(separator: "; ")
                    + (more > 0 ? "; and \(more) more" : ""))
        }
        if let other = byConfiguration.keys.sorted().first(where: { $0 != own }), byConfiguration[own] == nil {
            remarks.append("this configuration (\(own)) differs from that of the instances (\(other))")
        }
        if living.isEmpty { remarks.append(Status.nobodyAlive) }
        return remarks
    }

    /// The first names, and how many there are besides.
    static func list(_ names: [String]) -> String {
        let more = names.count - mostNamed
        return names.prefix(mostNamed).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}

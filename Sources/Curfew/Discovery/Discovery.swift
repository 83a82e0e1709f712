internal import Policies
package import RedisClient

/// Looks at the keys of a Redis, and proposes a configuration for what it finds there.
///
/// It only reads, a little at a time and with rests, and keeps a bounded sample: see ``KeyTree`` and `PacedReader`. What
/// it concludes from the sample is pure; see ``Proposal``.
package struct Discovery {
    /// What is looked at, and how much of it.
    package struct Scope: Sendable {
        /// Only keys that match this pattern of Redis; nil: all.
        package var match: String?
        /// How many keys are looked at.
        package var limit: Int
        /// The prefix of Curfew's own keys, which are left out.
        package var prefix: String

        /// Creates the scope; by default everything, up to a million keys.
        package init(match: String? = nil, limit: Int = 1_000_000, prefix: String = "curfew") {
            self.match = match
            self.limit = limit
            self.prefix = prefix
        }
    }

    /// How many shapes are looked at, and how many records are read in all and of one shape.
    private static let mostShapes = 150, mostReads = 20_000, mostOfOne = 2_000
    /// The types of what has members.
    private static let collections: Set = ["list", "set", "zset", "stream"]

    private let redis: RedisClient
    private let scope: Scope
    private let keys: Keys
    private let progress: @Sendable (_ done: Int, _ total: Int) -> Void
    private var reader: PacedReader
    private var findings: Findings

    /// Creates it.
    ///
    /// - Parameter progress: called now and then with how many keys were looked at, of how many.
    package init(
        _ redis: RedisClient, _ scope: Scope = Scope(),
        progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) async throws {
        self.redis = redis
        self.scope = scope
        self.progress = progress
        keys = Keys(prefix: scope.prefix)
        reader = PacedReader(redis)
        findings = Findings(now: try await ServerClock.read(from: redis).now)
    }

    /// Looks at everything, and proposes.
    ///
    /// - Parameter url: the address that the proposal names as `redis`.
    package mutating func run(for url: String) async throws -> Proposal {
        try await look()
        return Proposal(findings, redis: url)
    }

    /// Looks at everything.
    private mutating func look() async throws {
        let shapes = try await scan()
        let chosen = shapes.filter(\.isWritable).prefix(Self.mostShapes)
        findings.omitted = shapes.count - chosen.count
        let share = max(20, min(Self.mostOfOne, Self.mostReads / max(1, chosen.count)))
        for shape in chosen { findings.shapes += try await read(shape, atMost: share) }
        try await findLinks()
        try await findRegistries()
    }

    /// Walks over the keys, of all servers.
    private mutating func scan() async throws -> [KeyShape] {
        var tree = KeyTree()
        var suspects = SystemSuspects()
        findings.keys = try await ScanServer.keys(redis)
        var seen = 0
        servers: for node in try await redis.primaries() {
            var cursor = "0"
            repeat {
                let step = try await reader.scan(node, from: cursor, match: scope.match)
                cursor = step.next
                for key in step.keys {
                    if keys.own(key) || key.utf8.count > KeyTree.longestKey { continue }
                    guard seen < scope.limit else {
                        findings.isComplete = false
                        break servers
                    }
                    seen += 1
                    if !suspects.take(key) { tree.add(key) }
                }
                progress(seen, min(findings.keys, scope.limit))
            } while cursor != "0"
        }
        findings.scanned = seen
        let (systems, others) = suspects.settled()
        findings.systems = systems
        findings.unplaced = tree.omitted
        // Most keys of a system with a prefix of its own look like any others.
        let prefixes = systems.compactMap(\.prefix).filter { $0.hasSuffix(":") }
        let shapes = tree.shapes().filter { shape in !prefixes.contains { shape.template.hasPrefix($0) } }
        return (shapes + others).sorted { ($1.count, $0.template) < ($0.count, $1.template) }
    }

    /// Reads a sample of the keys of a shape; several answers where they are of several types.
    private mutating func read(_ shape: KeyShape, atMost share: Int) async throws -> [ShapeFacts] {
        let kinds = try await reader.kinds(Array(shape.keys.prefix(share)))
        var found: [ShapeFacts] = []
        for (type, alike) in Dictionary(grouping: kinds, by: \.type).sorted(by: { $0.key < $1.key }) {
            let names = alike.map(\.key)
            var facts = ShapeFacts(
                shape: shape, type: type, count: shape.count * alike.count / max(1, kinds.count),
                content: .members(MemberFacts()))
            facts.sampled = alike.count
            facts.expiring = alike.count(where: \.expires)
            facts.content = try await content(of: names, type: type)
            found.append(facts)
        }
        return found.sorted { $0.count > $1.count }
    }

    private mutating func content(of names: [String], type: String) async throws -> ShapeFacts.Content {
        switch type {
        case "hash":
            let rows = try await reader.rows(names)
            let whole = rows.compactMap(\.self)
            guard whole.count * 2 >= rows.count else { return .members(try await members(names, type)) }
            return .records(RecordFacts(whole, at: findings.now), isJSON: false)
        case "string":
            let texts = try await reader.texts(names)
            let rows = texts.filter(\.isWhole).compactMap { RecordFacts.row(json: $0.text) }
            if !rows.isEmpty, rows.count * 5 >= texts.count * 4 {
                return .records(RecordFacts(rows, at: findings.now), isJSON: true)
            }
            var facts = FieldFacts(name: "value")
            for (text, _) in texts { facts.add(text, at: findings.now, roles: .other) }
            return .texts(facts)
        default: return .members(try await members(names, type))
        }
    }

    private mutating func members(_ names: [String], _ type: String) async throws -> MemberFacts {
        try await reader.members(Array(names.prefix(8)), type: type, at: findings.now)
    }
}

extension Discovery {
    /// How many values of a field are looked for among the keys of one shape.
    private static let askedValues = 8
    /// Between how many shapes links are looked for.
    private static let linkedShapes = 64

    /// Finds fields whose values stand in other keys.
    private mutating func findLinks() async throws {
        let targets = findings.shapes.filter { $0.shape.gaps.count <= 1 }.prefix(Self.linkedShapes)
        for shape in findings.shapes.prefix(Self.linkedShapes) {
            for field in LinkSearch.fields(of: shape) {
                let values = field.values.map(\.text).filter { !$0.isEmpty && $0.utf8.count <= 100 }
                var found: [(link: FieldLink, isNamed: Bool)] = []
                for target in targets where target.template != shape.template || field.name != "value" {
                    guard let place = LinkSearch.place(of: field, in: target) else { continue }
                    let names = values.prefix(Self.askedValues).map { place.key($0) }
                    let count = try await reader.present(names).count { $0 }
                    let isNamed = place.isNamed(after: field.name)
                    guard count > 0 || isNamed else { continue }
                    let link = FieldLink(
                        from: shape.template, field: field.name, to: target.template,
                        template: place.template(field.name), asked: names.count, found: count)
                    found.append((link, isNamed))
                }
                // The same ids are often used for different things: what is called like the field is what it means.
                let hasNamed = found.contains { $0.isNamed && $0.link.found > 0 }
                findings.links += found.filter { !hasNamed || $0.isNamed || LinkSearch.isAlive($0.link) }.map(\.link)
            }
        }
    }

    /// Finds lists, sets and the like whose members are ids of records.
    private mutating func findRegistries() async throws {
        let records = findings.shapes.filter { $0.records != nil && $0.shape.gaps.count == 1 }.prefix(20)
        for shape in findings.shapes {
            guard let members = shape.members, !members.members.isEmpty else { continue }
            var found: [(registry: RegistryFacts, isNamed: Bool)] = []
            for record in records where record.template != shape.template {
                guard let registry = try await registry(shape, members, of: record) else { continue }
                let nouns = shape.shape.words.map(NameWords.singular)
                found.append((registry, nouns.contains(record.shape.noun)))
            }
            let hasNamed = found.contains(where: \.isNamed)
            findings.registries += found.filter { !hasNamed || $0.isNamed }.map(\.registry)
        }
    }

    /// What a shape is as a registry of records; nil if its members aren't their ids.
    private mutating func registry(
        _ shape: ShapeFacts, _ members: MemberFacts, of record: ShapeFacts
    ) async throws -> RegistryFacts? {
        let asked = members.members.prefix(12).filter { $0.utf8.count <= 200 }
        for member in ["<id>", "<id>:<rest>"] {
            let names = asked.compactMap { RegistryFacts.id(in: $0, as: member) }.compactMap { record.shape.key($0) }
            guard !names.isEmpty else { continue }
            let present = zip(names, try await reader.present(names)).filter(\.1).map(\.0)
            guard present.count * 2 >= names.count else { continue }
            var registry = RegistryFacts(
                key: shape.template, type: shape.type, record: record.template, member: member, asked: names.count,
                found: present.count)
            registry.scores = members.scores
            registry.total = members.total
            if let status = record.records?.status, !record.isJSON {
                for state in try await reader.values(status, of: present) { registry.states[state, default: 0] += 1 }
            }
            return registry
        }
        return nil
    }
}

extension RegistryFacts {
    /// The id in a member that reads like that; nil where it doesn't.
    static func id(in member: String, as form: String) -> String? {
        guard form != "<id>" else { return member }
        guard let colon = member.firstIndex(of: ":"), colon > member.startIndex else { return nil }
        return String(member[..<colon])
    }
}

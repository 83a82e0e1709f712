package import Policies

/// Where the records of a cleanup are, if that is more than one key template with `<id>` as its only gap.
///
/// Either their keys have several gaps, or there are several templates (`records: bull:<queue>:<id>`); then the index has
/// whole keys. Or they stand in registries (`in: rq:wip:<queue>`), which are walked (``RegistryWalk``); then the index has
/// registry and member. Nothing here asks Redis.
package struct RecordSource: Sendable, Equatable {
    /// What holds the fields of a record.
    package enum Body: Sendable, Equatable {
        /// A key of its own.
        case key(KeyTemplate)
        /// A field of a hash.
        case field(key: KeyTemplate, field: KeyTemplate)
        /// The member, or what stands beside it.
        case member
    }

    /// A gap of the registries that goes over the members of another key.
    package struct Each: Sendable, Equatable {
        /// Its name.
        package var gap: String
        /// The set, sorted set, list or hash.
        package var key: String
    }

    /// The templates of the keys, or of the registries.
    package var templates: [KeyTemplate]
    /// Whether they are registries.
    package var isRegistry: Bool
    /// How a member reads.
    package var member: KeyTemplate?
    /// What holds the fields.
    package var body: Body
    /// The gaps that go over the members of other keys.
    package var each: [Each] = []
    /// The consumer group whose pending entries are the members of a stream.
    package var group: String?
    /// After how long a consumer without pending entries is removed from the group; nil for never.
    package var idleConsumers: Duration?
    /// The field or path that says what a record is called.
    package var name: String?
    /// What the gaps may hold.
    package var gaps: [String: GapRule] = [:]
    /// Whether the registries are sorted sets whose scores tell the age of their members: they are read by range.
    package var isByScore = false
    /// Whether a change takes the member out of its registry.
    package var isTaken = true

    /// The names that templates have for what is known of a member, beside its gaps.
    private static let words: Set<String> = ["key", "member", "score", "idle", "seen", "body"]

    /// Whether a name is no field of the records: a gap, or what is known of a member.
    package func isFact(_ name: String) -> Bool {
        if name.hasPrefix("<") || gapNames.contains(name) { return true }
        return isRegistry && (Self.words.contains(name) || name.hasPrefix("ttl:"))
    }

    /// The gaps of keys, whose contents are parts of keys already.
    var keyed: Set<String> { Set(templates.flatMap(\.gapNames)) }

    /// The names of all gaps.
    var gapNames: Set<String> {
        Set(templates.flatMap(\.gapNames) + (member?.gapNames ?? []) + each.map(\.gap))
    }

    /// Whether the registries have gaps that only a scan of the keyspace can fill.
    var isScanned: Bool {
        let given = Set(each.map(\.gap))
        return !isRegistry || templates.contains { !given.isSuperset(of: $0.gapNames) }
    }

    /// The pattern of a scan that finds them all.
    var scanPattern: String {
        guard let first = templates.first else { return "*" }
        guard templates.count > 1 else { return first.scanPattern }
        let patterns = templates.map { Array($0.scanPattern.unicodeScalars) }
        var start = patterns[0][...]
        var end = patterns[0][...]
        for pattern in patterns {
            start = start.prefix(zip(start, pattern).prefix { $0 == $1 }.count)
            end = end.suffix(zip(end.reversed(), pattern.reversed()).prefix { $0 == $1 }.count)
        }
        // Up to the first sign that means something in a pattern.
        let special = Set("*?[]\\".unicodeScalars)
        let head = start.prefix { !special.contains($0) }
        let tail = end.reversed().prefix { !special.contains($0) }.reversed()
        var pattern = String.UnicodeScalarView()
        pattern.append(contentsOf: head)
        pattern.append("*")
        if head.count < patterns.map(\.count).min() ?? 0 { pattern.append(contentsOf: tail) }
        return String(pattern)
    }

    /// What the gaps of a key or registry hold; nil where it fits no template.
    func gaps(of key: String) -> [String: String]? {
        for template in templates {
            if let gaps = template.gaps(of: key, rules: gaps) { return gaps }
        }
        return nil
    }
}

extension RecordSource {
    /// What names a member in Curfew's own index: the length of the registry's name, that name, and the member.
    static func entry(registry: String, member: String) -> String {
        String(pieces: [String(registry.utf8.count), ":", registry, member])
    }

    /// The inverse of ``entry(registry:member:)``; nil for what is none.
    static func parts(of entry: String) -> (registry: String, member: String)? {
        let utf8 = entry.utf8
        guard let colon = utf8.firstIndex(of: UInt8(ascii: ":")), let length = Int(entry[..<colon]), length > 0,
            let end = utf8.index(utf8.index(after: colon), offsetBy: length, limitedBy: utf8.endIndex),
            let registry = String(utf8[utf8.index(after: colon)..<end]), let member = String(utf8[end...])
        else { return nil }
        return (registry, member)
    }

    /// A record with its key, as a seat says it; throws where the member isn't as the file says that it reads.
    func placed(_ seat: Seat, more: [String: String] = [:]) throws(RecordError) -> (place: Place, key: String) {
        var places = MemberPlaces(self)
        return try places.placed(seat, named: Self.entry(registry: seat.registry, member: seat.member), more: more)
    }

    /// A record whose key has several gaps; nil where the key fits no template.
    func placed(key: String) -> Place? {
        gaps(of: key).map { Place(entry: key, name: key, facts: $0, keyed: keyed) }
    }

    /// What can be told of a record by its key alone, as an event names it; nil where it can't be of this cleanup.
    func placed(recordKey key: String, name: String) -> Place? {
        guard isRegistry else { return placed(key: key) }
        guard case .key(let template) = body, let facts = template.gaps(of: key, rules: gaps) else { return nil }
        return Place(entry: "", name: name, facts: facts, keyed: keyed)
    }

    /// The keys that members are taken out of.
    private var written: [KeyTemplate] {
        guard isRegistry else { return [] }
        if case .field(let key, _) = body { return templates + [key] }
        return templates
    }

    /// Whether a key can be that of a record.
    func mayMake(_ key: String) -> Bool {
        guard isRegistry else { return templates.contains { fits($0, key) } }
        return switch body {
        case .key(let template), .field(let template, _): fits(template, key)
        case .member: templates.contains { fits($0, key) }
        }
    }

    /// Whether something can be taken out of a key.
    func mayTake(from key: String) -> Bool { written.contains { fits($0, key) } }

    /// Whether a template, filled with what gaps and fields hold, can be that key.
    func fits(_ template: KeyTemplate, _ key: String) -> Bool {
        template.gaps(of: key, rules: gaps) != nil || template.mayMake(key)
    }
}

/// A member that doesn't read as the file says: it is left, counted, and the first of a run is shown.
enum StrayMember {
    private static let sign = " doesn't read like "

    static func error(_ seat: Seat, _ template: KeyTemplate?) -> RecordError {
        RecordError(
            "the member “\(seat.member.shortened(to: 80))” of \(seat.registry)\(sign)“\(template?.text ?? "<id>")”: it is left"
        )
    }

    /// Whether an error says so.
    static func isMeant(by error: RecordError) -> Bool { error.message.contains(sign) }
}

internal import Policies

/// Tells where members stand and where their records are.
///
/// What is the same for all members, or for those of one registry, is worked out once.
struct MemberPlaces {
    private let source: RecordSource
    private let keyed: Set<String>
    /// The registry of the last member, and what its gaps hold; nil where it fits no template.
    private var registry: (key: String, gaps: [String: String]?)?

    init(_ source: RecordSource) {
        self.source = source
        keyed = source.keyed
    }

    /// The place of a record, and its key; throws where the member isn't as the file says that it reads.
    ///
    /// - Parameters:
    ///   - name: what names it in Curfew's own index.
    ///   - more: what else is known of the member.
    mutating func placed(
        _ seat: Seat, named name: String, more: [String: String]
    ) throws(RecordError) -> (place: Place, key: String) {
        var facts = try gaps(of: seat.registry)
        if let member = source.member {
            guard let found = member.gaps(of: seat.member, rules: source.gaps) else {
                throw StrayMember.error(seat, member)
            }
            for (gap, value) in found where facts[gap] == nil { facts[gap] = value }
        } else if facts["id"] == nil {
            facts["id"] = seat.member
        }
        let id = facts["id"] ?? seat.member
        guard !id.isEmpty else { throw StrayMember.error(seat, source.member) }
        facts["member"] = seat.member
        if let score = seat.score { (facts["score"], facts["<score>"]) = (score, score) }
        for (fact, value) in more { facts[fact] = value }
        let key: String
        var body = Place.Body.member
        switch source.body {
        case .key(let template): (key, body) = (try fill(template, id, facts), .key)
        case .field(let template, let field):
            key = try fill(template, id, facts)
            body = .field(try fill(field, id, facts))
        case .member: key = seat.registry
        }
        let place = Place(
            entry: name, name: id, seat: seat, facts: facts, body: body, isTaken: source.isTaken, keyed: keyed)
        return (place, key)
    }

    private mutating func gaps(of key: String) throws(RecordError) -> [String: String] {
        if registry?.key != key { registry = (key, source.gaps(of: key)) }
        guard let gaps = registry?.gaps else {
            let templates = source.templates.map(\.text).joined(separator: "”, “")
            throw RecordError("\(key) fits none of “\(templates)”")
        }
        return gaps
    }

    private func fill(
        _ template: KeyTemplate, _ id: String, _ facts: [String: String]
    ) throws(RecordError) -> String {
        try template.expand(id: id, keyed: keyed) { facts[$0] }
    }
}

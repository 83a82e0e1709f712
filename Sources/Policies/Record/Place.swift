/// Where a record is that is no key named by its id alone: it stands in a registry, or its key has several gaps.
///
///     in: rq:wip:<queue>      member: <id>:<execution>      record: rq:job:<id>
///         rq:wip:default              7:2ff8                        rq:job:7
///
/// To stand in a registry can be the state itself. So that a member stands where it was read is part of the guard of every
/// change (``Seat/guard``), and a change that ends what the registry stands for takes it out (``Seat/taking``). What the
/// gaps hold, and what stands beside a member, are facts: they can be named like fields, and are never written.
package final class Place: Sendable, Equatable {
    /// What holds the fields of a record.
    package enum Body: Sendable, Equatable {
        /// The record's key, as for any other record.
        case key
        /// That field of the hash at the record's key.
        case field(String)
        /// The member itself, or what stands beside it: the value of a hash's field, the fields of a stream's entry.
        case member
    }

    /// What names it in Curfew's own index.
    package let entry: String
    /// What it is called where nothing in the record says it: its id, or its whole key.
    package let name: String
    /// Where it stands; nil for a key with several gaps.
    package let seat: Seat?
    /// What the gaps hold, and what is known of the member, by the names that templates have for it.
    package let facts: [String: String]
    /// The facts that are part of keys of the application, so that they may hold whatever keys do.
    package let keyed: Set<String>
    /// What holds its fields.
    package let body: Body
    /// Whether a change takes the member out of its registry.
    package let isTaken: Bool
    /// Fields of a hash that hold JSON which was looked into, as they were read.
    package let roots: [FieldWrite]

    /// Makes it.
    package init(
        entry: String, name: String, seat: Seat? = nil, facts: [String: String] = [:], body: Body = .key,
        isTaken: Bool = true, roots: [FieldWrite] = [], keyed: Set<String> = []
    ) {
        self.keyed = keyed
        (self.entry, self.name, self.seat, self.facts) = (entry, name, seat, facts)
        (self.body, self.isTaken, self.roots) = (body, isTaken, roots)
    }

    /// Whether a name is that of a fact, and of no field.
    func isFact(_ name: String) -> Bool { facts[name] != nil || name.hasPrefix("<") }

    /// The same with more facts, another name, or with what was looked into.
    package func with(facts more: [String: String] = [:], name: String? = nil, roots: [FieldWrite]? = nil) -> Place {
        Place(
            entry: entry, name: name ?? self.name, seat: seat,
            facts: more.isEmpty ? facts : facts.merging(more) { $1 }, body: body, isTaken: isTaken,
            roots: roots ?? self.roots, keyed: keyed)
    }

    /// Whether two are the same.
    package static func == (one: Place, other: Place) -> Bool {
        one.entry == other.entry && one.name == other.name && one.seat == other.seat && one.facts == other.facts
            && one.body == other.body && one.isTaken == other.isTaken && one.roots == other.roots
    }
}

/// How a member stands in a registry.
package struct Seat: Sendable, Equatable {
    /// How many elements may have come between a member of a list and its tail since it was read.
    package static let slack = 1_000

    /// Which end of a list it is near.
    package enum End: String, Sendable {
        case head, tail
        /// Neither.
        case middle
    }

    /// Of a stream: to whom an entry was delivered that is pending.
    package struct Pending: Sendable, Equatable {
        /// The consumer group.
        package var group: String
        /// The consumer.
        package var consumer: String
        /// How often it was delivered.
        package var deliveries: String

        /// Makes it.
        package init(group: String, consumer: String, deliveries: String) {
            (self.group, self.consumer, self.deliveries) = (group, consumer, deliveries)
        }

        /// Both in one text, as the guard compares them.
        var text: String { "\(deliveries) \(consumer)" }
    }

    /// The key of the registry.
    package var registry: String
    /// What the registry is.
    package var kind: Push.Kind
    /// The member; of a hash the field, of a stream the id of the entry.
    package var member: String
    /// Its score in a sorted set, as Redis writes it.
    package var score: String?
    /// The value of a hash's field.
    package var value: String?
    /// Of a list: the end that it is near.
    package var end: End
    /// Of a stream that is read by a group.
    package var pending: Pending?
    /// Of a list: among how many elements from the tail it is looked for at the commit.
    package var reach = Seat.slack
    /// Of a list: the element that it stands behind, on the side of the head; nil for the first.
    package var behind: String?
    /// When the registry goes by itself, in Unix milliseconds; nil if never.
    package var expires: Int64?

    /// Makes it.
    package init(
        registry: String, kind: Push.Kind, member: String, score: String? = nil, value: String? = nil,
        end: End = .tail, pending: Pending? = nil
    ) {
        (self.registry, self.kind, self.member, self.score) = (registry, kind, member, score)
        (self.value, self.end, self.pending) = (value, end, pending)
    }

    /// That it still stands as it was read.
    var `guard`: Guard {
        switch kind {
        case .list: .stands(key: registry, element: member, within: reach)
        case .set: .contains(key: registry, member: member)
        case .zset:
            score.map { .scored(key: registry, member: member, score: $0) } ?? .listed(key: registry, member: member)
        case .hash: .otherField(key: registry, field: member, equals: value)
        case .stream:
            .delivered(key: registry, entry: member, group: pending?.group ?? "", as: pending?.text ?? "")
        case .text: .keyPresent(registry)
        }
    }

    /// What takes it out.
    package var taking: Taking {
        var taking = Taking(
            key: registry, kind: kind, member: kind == .hash ? value : member, field: kind == .hash ? member : nil)
        taking.score = score
        taking.end = end
        taking.pending = pending
        taking.expires = expires
        taking.behind = behind
        return taking
    }
}

internal import Policies

/// What was found in a keyspace: the shapes of its keys with what they hold, and how they refer to each other.
struct Findings: Sendable {
    /// The time of the server when it was looked at.
    var now: Timestamp
    /// How many keys were looked at, without Curfew's own.
    var scanned = 0
    /// How many keys there are, as far as the servers say.
    var keys = 0
    /// Whether all keys were looked at.
    var isComplete = true
    /// What was found, the shapes with most keys first.
    var shapes: [ShapeFacts] = []
    /// How many shapes were left out: more than are looked at, or none that a template can be written for.
    var omitted = 0
    /// The job systems whose keys were found; these keys are in no shape.
    var systems: [FoundSystem] = []
    /// Fields whose values stand in keys.
    var links: [FieldLink] = []
    /// Lists, sets and the like whose members are records.
    var registries: [RegistryFacts] = []

    /// The links from a shape.
    func links(from shape: ShapeFacts) -> [FieldLink] { links.filter { $0.from == shape.template } }

    /// The registries with records of a shape.
    func registries(of shape: ShapeFacts) -> [RegistryFacts] { registries.filter { $0.record == shape.template } }

    /// The shape of a template; of those with several types the one with most keys.
    func shape(_ template: String) -> ShapeFacts? { shapes.first { $0.template == template } }
}

/// The keys of one shape and one type.
struct ShapeFacts: Sendable {
    /// What they hold.
    enum Content: Sendable {
        /// Hashes, or texts with a JSON object each.
        case records(RecordFacts, isJSON: Bool)
        /// Other texts.
        case texts(FieldFacts)
        /// Lists, sets, sorted sets, streams and large hashes.
        case members(MemberFacts)
    }

    let shape: KeyShape
    /// As `TYPE` says.
    let type: String
    /// About how many keys there are.
    var count: Int
    /// How many of them were read.
    var sampled = 0
    /// How many of these expire by themselves.
    var expiring = 0
    var content: Content

    /// The template of its keys.
    var template: String { shape.template }

    /// What is known of its records; nil where it has none.
    var records: RecordFacts? {
        if case .records(let facts, _) = content { facts } else { nil }
    }

    /// Whether its records are texts with JSON.
    var isJSON: Bool {
        if case .records(_, let isJSON) = content { isJSON } else { false }
    }

    /// What is known of its members; nil where it has none.
    var members: MemberFacts? {
        if case .members(let facts) = content { facts } else { nil }
    }

    /// What is known of its texts; nil where it has none.
    var texts: FieldFacts? {
        if case .texts(let facts) = content { facts } else { nil }
    }

    /// Whether nearly all of them expire by themselves.
    var expires: Bool { sampled > 0 && expiring * 10 >= sampled * 9 }
}

/// What the members of some lists, sets or the like have in common.
struct MemberFacts: Sendable {
    /// How many members there are in the keys that were read.
    var total = 0
    /// Some of them; of hashes the fields, of streams the ids of entries.
    var members: [String] = []
    /// The scores of sorted sets.
    var scores = FieldFacts(name: "score")
    /// The consumer groups of streams.
    var groups: [String] = []
}

/// A field whose values stand in keys of a shape: `workerId` in `worker:<workerId>:alive`.
struct FieldLink: Sendable, Equatable {
    /// The template of the records that have the field.
    var from: String
    /// The field; `value` for a plain text.
    var field: String
    /// The template of the keys.
    var to: String
    /// That template with the field in its gap.
    var template: String
    /// How many of the values were looked for, and how many of these keys are there.
    var asked: Int, found: Int
}

/// A list, set or the like whose members are ids of records.
struct RegistryFacts: Sendable {
    /// The template or name of the registry, and its type.
    var key: String, type: String
    /// The template of the records.
    var record: String
    /// How a member reads: `<id>`, or `<id>:<rest>`.
    var member = "<id>"
    /// How many members were looked for, and how many of their records are there.
    var asked: Int, found: Int
    /// The states of these records, with how many are in each.
    var states: [String: Int] = [:]
    /// The scores of a sorted set.
    var scores = FieldFacts(name: "score")
    /// How many members there are in the keys that were read.
    var total = 0
}

import Policies
import TestSupport

/// The time at which the tests decide: 2023-07-22T04:26:40Z.
let now = Timestamp(milliseconds: 1_690_000_000_000)

/// The keys, sets and first sightings beyond a record: what the engine would look up.
struct World {
    var keys: Set<String> = []
    /// Hashes beside the record.
    var hashes: [String: [String: String]] = [:]
    /// The statuses of a group's members; nil: the record of one is gone.
    var members: [String: [String?]] = [:]
    var memberLimit = 1_000
    var firstSeen: [String: Timestamp] = [:]
    /// Numbers, and sizes of other things, by key.
    var counts: [String: Int64] = [:]
    /// How members stand in keys; a text under the empty name.
    var standings: [String: [String: Standing]] = [:]
    /// What Curfew keeps of the record's recoveries.
    var recoveries: String?
    /// When Curfew looked last; nil: when it did first.
    var lastSeen: Timestamp?
    /// For how many seconds nobody touched the record; nil: the server doesn't know.
    var idle: Int64?
    /// How long the record stays; nil: for ever.
    var expiry: Duration?

    func answer(_ question: Question) -> Answer {
        switch question {
        case .exists(let key): .exists(keys.contains(key) || standings[key] != nil)
        case .members(let group):
            members[group.key, default: []].count > memberLimit
                ? .tooMany(limit: memberLimit) : .members(tasks(of: members[group.key, default: []]))
        case .field(let key, let field): .field(exists: hashes[key] != nil, value: hashes[key]?[field])
        case .firstSeen(let value): .firstSeen(firstSeen[value].map { Sighting(first: $0, latest: lastSeen) })
        case .idle: .idle(seconds: idle)
        case .count(let key): .count(counts[key] ?? 0)
        case .recoveries: .text(recoveries)
        case .expiry: .expiry(expiry)
        case .standing(let key, let member): .standing(standings[key]?[member])
        }
    }

    private func tasks(of statuses: [String?]) -> [GroupMember] {
        statuses.enumerated().map { number, status in
            GroupMember(key: "task:\(number)", state: status.map { .status($0) } ?? .gone)
        }
    }
}

extension Policy {
    /// A hash record as the engine reads it: only this policy's fields.
    func record(_ id: String, _ values: [String: String]) -> Record {
        Record(id: id, key: "job:\(id)", content: .hash(Fields(names: fields, values: fields.map { values[$0] })))
    }

    /// Asks until there is a verdict, answering from the world.
    func settle(_ record: Record, at time: Timestamp = now, in world: World = World()) throws -> Verdict {
        var record = record
        for _ in 0..<8 {
            guard case .ask(let questions) = try verdict(on: record, at: time) else { break }
            for question in questions { record.answers[question] = world.answer(question) }
        }
        return try verdict(on: record, at: time)
    }

    /// The verdict on a hash with these values.
    func settle(_ values: [String: String], at time: Timestamp = now, in world: World = World()) throws -> Verdict {
        try settle(record("1", values), at: time, in: world)
    }
}

extension Verdict {
    /// The change, where it is one.
    var change: Change? {
        guard case .change(let change) = self else { return nil }
        return change
    }

    /// Why nothing is done, where nothing is.
    var leave: Leave? {
        guard case .leave(let leave) = self else { return nil }
        return leave
    }
}

extension Change {
    /// What is written to a field; nil where nothing is.
    func written(_ field: String) -> String? {
        sets.first { $0.field == field }?.value
    }
}

/// Seconds since the epoch as text, so long before the tests' now.
func ago(_ duration: Duration) -> String {
    TimeForm.seconds.text(for: now - duration)
}

/// A generator that gives the same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &self) < percent
    }

    mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: choices.indices, using: &self)]
    }
}

/// Seeds for random tests: three that never change, and one that always does; a failing test names its own.
let seeds: [UInt64] = [1, 2, 3, UInt64.random(in: 1_000...9_999_999)]

/// Policies that are there in every kind.
enum PolicyFixtures {
    /// One of each kind, for open records whose age counts from these fields.
    static func all(_ since: Start) throws -> [any Policy] {
        let states = ["open"]
        return [
            StuckPolicy(states: states, since: since, timeout: .seconds(300), to: "failed"),
            CountersPolicy(states: states, since: since, timeout: .seconds(300), total: "total", counters: .init()),
            LocksPolicy(since: since, timeout: .seconds(300)),
            PausedPolicy(
                states: states, since: since, stale: .seconds(300), warn: .seconds(600), timeout: .seconds(900)),
            DependentPolicy(
                states: states, since: since, parent: try KeyTemplate("parent:<id>"), parentStates: ["open"],
                to: "draft"),
            RetentionPolicy(states: states, since: since, keep: .seconds(300)),
            FilesPolicy(
                since: since, orphan: .init(unless: "owner", after: .seconds(300)), storage: "s",
                objects: [.init(field: "total")]),
        ]
    }
}

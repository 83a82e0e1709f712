/// Which records a policy is about, told by their status.
struct Scope: Sendable, Equatable {
    /// What a record's status means to the policy.
    enum Place: Equatable {
        /// In one of the states that the policy looks at.
        case within(status: String)
        /// Not the policy's business now, and that is the verdict.
        case outside(Verdict)
    }

    /// The name of the status field.
    let field: String
    /// The states that the policy looks at, written exactly so; an empty one is that of a record without a status.
    ///
    /// None: any, where to stand in a registry is the state.
    let states: [String]
    /// States that count as final beside the usual ones, in lower case.
    private let finalStates: Set<String>
    /// States that aren't final, whatever they are called.
    private let openStates: Set<String>

    /// What nearly every app calls its final states.
    private static let usual: Set<String> = ["completed", "failed", "cancelled", "canceled"]

    /// Makes it; the final states are compared without regard to case, and a state in `states` or `open` isn't final.
    init(field: String, states: [String], final: [String], open: [String] = []) {
        self.field = field
        self.states = states
        finalStates = Scope.usual.union(final.map(\.lowercase))
        openStates = Set(states + open)
    }

    /// Where the record stands; throws where it isn't a hash.
    ///
    /// One that is gone or in a final state is dropped. One in any other state, or in none, may come into scope later
    /// and is looked at again at that time.
    func place(_ record: Record, lookAgain: Timestamp) throws(RecordError) -> Place {
        if let verdict = try record.verdictUnlessHash() { return .outside(verdict) }
        if states.isEmpty { return .within(status: record.present(field) ?? "") }
        guard let status = record.present(field) else {
            if states.contains("") { return .within(status: "") }
            return .outside(.leave(until: lookAgain, because: "it has no \(field), so it is \(expected)"))
        }
        if states.contains(status) { return .within(status: status) }
        if isFinal(status) {
            let isUnchanged = Guard.field(field, equals: status)
            return .outside(.drop(because: "\(field) is \(status), which is final", guards: [isUnchanged]))
        }
        return .outside(.leave(until: lookAgain, because: "\(field) is \(status), \(expected)"))
    }

    /// Whether a record with that status is done with for good.
    func isFinal(_ status: String) -> Bool {
        !openStates.contains(status) && finalStates.contains(status.lowercase)
    }

    /// The guard that the status is still as it was read; one that is empty may also be absent.
    func isUnchanged(_ status: String, in record: Record) -> Guard {
        .field(field, equals: status.isEmpty ? record[field] : status)
    }

    /// What a record outside is not, in words.
    private var expected: String { "not \(Scope.text(of: states))" }

    /// States in words.
    static func text(of states: [String]) -> String {
        states.map { $0.isEmpty ? "without one" : $0 }.joined(separator: " or ")
    }
}

extension Record {
    /// What becomes of a record that isn't a hash: one that is gone is dropped, anything else is an error.
    ///
    /// Nil for a hash, and for a text of which something else is known: where it stands, or when it expires.
    func verdictUnlessHash() throws(RecordError) -> Verdict? {
        switch content {
        case .missing: return .drop(because: "the record is gone", guards: [.recordMissing])
        case .text where place != nil: return nil
        case .text: throw RecordError("\(key) is a plain string: expected a hash")
        case .hash: return nil
        }
    }
}

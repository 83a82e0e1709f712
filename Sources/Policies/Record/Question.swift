/// What a policy needs to know beyond the record before it can decide.
///
/// A policy does no I/O: it answers ``Verdict/ask(_:)``, the engine looks, and the policy is asked again.
package enum Question: Hashable, Sendable {
    /// Whether that key exists. Answered by ``Answer/exists(_:)``.
    case exists(key: String)
    /// The ids in that set, and of each the status field of the hash that the template names.
    /// Answered by ``Answer/statuses(_:)``, or ``Answer/tooMany(limit:)``.
    case members(set: String, status: KeyTemplate, field: String)
    /// A field of the hash at that other key. Answered by ``Answer/field(exists:value:)``.
    case field(key: String, field: String)
    /// When Curfew first saw this record with this value. Answered by ``Answer/firstSeen(_:)``.
    case firstSeen(value: String)
    /// The number at that key, or the size of what is there. Answered by ``Answer/count(_:)``.
    case count(key: String)
    /// When the record was given another try, as Curfew keeps it. Answered by ``Answer/text(_:)``.
    case recoveries
}

/// The answer to a ``Question``.
package enum Answer: Sendable, Equatable {
    /// Whether the key exists.
    case exists(Bool)
    /// One status for each member; nil where its record or the field is absent.
    case statuses([String?])
    /// Whether there is a hash at the key, and its field; nil where that is absent.
    case field(exists: Bool, value: String?)
    /// When the value was first seen; nil where that is now.
    case firstSeen(Timestamp?)
    /// A number or a size; 0 where there is nothing.
    case count(Int64)
    /// A text; nil where there is none.
    case text(String?)
    /// What was asked for is there, but not of the right type; why, in words.
    case unreadable(String)
    /// The set has more members than the engine is willing to read.
    case tooMany(limit: Int)
}

extension Record {
    /// Whether a key exists; nil where that has to be asked first.
    func exists(_ key: String) throws(RecordError) -> Bool? {
        switch answers[.exists(key: key)] {
        case .exists(let exists)?: return exists
        case nil: return nil
        case .some: throw RecordError("whether \(key) exists was answered with something else")
        }
    }
}

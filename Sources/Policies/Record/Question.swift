/// What a policy needs to know beyond the record before it can decide.
///
/// A policy does no I/O: it answers ``Verdict/ask(_:)``, the engine looks, and the policy is asked again.
package enum Question: Hashable, Sendable {
    /// Whether that key exists. Answered by ``Answer/exists(_:)``.
    case exists(key: String)
    /// The members of a group, and the status of each. Answered by ``Answer/members(_:)``, or ``Answer/tooMany(limit:)``.
    case members(GroupMembers)
    /// A field of the hash at that other key. Answered by ``Answer/field(exists:value:)``.
    case field(key: String, field: String)
    /// When Curfew first saw this record with this value. Answered by ``Answer/firstSeen(_:)``.
    case firstSeen(value: String)
    /// The number at that key, or the size of what is there. Answered by ``Answer/count(_:)``.
    case count(key: String)
    /// Whether a member stands in a key, or a field in a hash, or a text at it, and how. Answered by
    /// ``Answer/standing(_:)``.
    case standing(key: String, member: String)
    /// When the record was given another try, as Curfew keeps it. Answered by ``Answer/text(_:)``.
    case recoveries
    /// How long the record was touched by nobody, before it was read. Answered by ``Answer/idle(_:)``.
    case idle
    /// When the record goes by itself. Answered by ``Answer/expiry(_:)``.
    case expiry
}

/// The answer to a ``Question``.
package enum Answer: Sendable, Equatable {
    /// Whether the key exists.
    case exists(Bool)
    /// The members, each once.
    case members([GroupMember])
    /// Whether there is a hash at the key, and its field; nil where that is absent.
    case field(exists: Bool, value: String?)
    /// A number or a size; 0 where there is nothing.
    case count(Int64)
    /// A text; nil where there is none.
    case text(String?)
    /// When the value was seen; nil where that is now for the first time.
    case firstSeen(Sighting?)
    /// Whole seconds, to which it is exact at best; nil where the server doesn't count them.
    case idle(seconds: Int64?)
    /// How long it stays; nil where it doesn't expire.
    case expiry(Duration?)
    /// How it stands there; nil where it doesn't. `expires`: when its key goes by itself, in Unix milliseconds; nil if never.
    case standing(Standing?, expires: Int64? = nil)
    /// It can't be told, and why, in words: what is at the key is something else, or may not be looked at.
    case unreadable(String)
    /// The group has more members than the engine is willing to read.
    case tooMany(limit: Int)
}

/// Where the members of a group are named, and where the status of each is.
package struct GroupMembers: Hashable, Sendable {
    /// What names them.
    package enum Collection: String, CaseIterable, Hashable, Sendable {
        /// The members of a set.
        case set
        /// The elements of a list.
        case list
        /// The members of a sorted set.
        case zset
        /// The names of a hash's fields.
        case hash
    }

    /// What kind of key names them.
    package var collection: Collection
    /// That key.
    package var key: String
    /// The record of each; `<id>` is the member.
    package var record: KeyTemplate
    /// The field of that record with its status.
    package var field: String
    /// Whether the records are strings of JSON instead of hashes.
    package var isJSON: Bool

    /// Makes it.
    package init(collection: Collection, key: String, record: KeyTemplate, field: String, isJSON: Bool = false) {
        self.collection = collection
        self.key = key
        self.record = record
        self.field = field
        self.isJSON = isJSON
    }
}

/// A member of a group, as its own record has it.
package struct GroupMember: Sendable, Equatable {
    /// What there is of it.
    package enum State: Sendable, Equatable {
        /// No record.
        case gone
        /// A record with that status; nil where it has none.
        case status(String?)
        /// Something that can't be understood; what and what was expected, in words.
        case unreadable(String)
    }

    /// The key of its record.
    package var key: String
    /// What there is of it.
    package var state: State

    /// Makes it.
    package init(key: String, state: State) {
        self.key = key
        self.state = state
    }
}

extension Record {
    /// Whether a key exists; nil where that has to be asked first.
    func exists(_ key: String) throws(RecordError) -> Bool? {
        switch answers[.exists(key: key)] {
        case .exists(let exists)?: return exists
        case .unreadable(let why)?: throw RecordError(why)
        case nil: return nil
        case .some: throw RecordError("whether \(key) exists was answered with something else")
        }
    }
}

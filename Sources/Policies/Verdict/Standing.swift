/// How something stands in a key beside the record before it is written over.
package enum Standing: Sendable, Equatable {
    /// As an element of a list, behind another; nil for the first.
    case list(behind: String?)
    /// As an entry of a stream.
    case stream
    /// As a member of a set.
    case set
    /// As a member of a sorted set, with its score as Redis writes it.
    case zset(score: String)
    /// As the field of a hash, with its value.
    case hash(value: String)
    /// As the text of the key itself, with what is left of its time; nil if it stays.
    case text(String, expiresIn: Duration?)
}

extension Record {
    /// How something stands in a key, which must have been asked; throws where that can't be told.
    func standing(of member: String, in key: String) throws(RecordError) -> Standing? {
        switch answers[.standing(key: key, member: member)] {
        case .standing(let standing, _)?: return standing
        case .unreadable(let why)?: throw RecordError(why)
        default: throw RecordError("what stands in \(key) was answered with something else")
        }
    }
}

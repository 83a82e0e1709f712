/// What a policy says about a record.
package enum Verdict: Sendable, Equatable {
    /// It can't tell yet: answer these and ask again.
    case ask([Question])
    /// Nothing is done now.
    case leave(Leave)
    /// The record needs no watching any more: its index entry goes, if the guards hold.
    case drop(because: String, guards: [Guard])
    /// The record is to be changed.
    indirect case change(Change)

    /// Nothing is done now, and the record is looked at again at that time; nil leaves it due.
    package static func leave(until: Timestamp?, because: String) -> Verdict {
        .leave(Leave(until: until, because: because))
    }
}

/// Why a record is left as it is, and until when.
package struct Leave: Sendable, Equatable {
    /// When to look again: the index entry is re-scored to it.
    ///
    /// Nil where the record stays due: it is past its time, but left alone on purpose.
    package var until: Timestamp?
    /// The reason, in words.
    package var because: String
    /// A value that is seen now for the first time and must be remembered with the time.
    package var remember: String?
    /// Whether it is past its time with work still going on, which is counted as stalled.
    package var isStalled: Bool

    /// Makes it, with nothing to remember and not stalled unless told.
    package init(until: Timestamp?, because: String, remember: String? = nil, isStalled: Bool = false) {
        self.until = until
        self.because = because
        self.remember = remember
        self.isStalled = isStalled
    }
}

/// What must still be so when a verdict is carried out, else the record has moved and is left alone.
package enum Guard: Sendable, Equatable {
    /// The field of the record has this value; nil: it is absent.
    case field(String, equals: String?)
    /// The record is a plain string with exactly this text.
    case text(equals: String)
    /// There is nothing at the record's key.
    case recordMissing
    /// There is nothing at that other key.
    case keyAbsent(String)
    /// There is something at that other key.
    case keyPresent(String)
    /// The field of the hash at that other key has this value; nil: it is absent.
    case otherField(key: String, field: String, equals: String?)
    /// The text at that other key is this.
    case otherText(key: String, equals: String)
    /// That member is in the sorted set at that other key.
    case listed(key: String, member: String)
    /// That member is in the sorted set at that other key, with this score as Redis writes it.
    case scored(key: String, member: String, score: String)
    /// No group has read that entry of the stream at that other key.
    case unread(key: String, entry: String)
    /// That entry of the stream at that other key isn't pending with the group.
    case undelivered(key: String, entry: String, group: String)
    /// That member is in the set at that other key.
    case contains(key: String, member: String)
    /// That member is not in the set, sorted set, list or hash at that other key, or there is nothing at it.
    case unlisted(key: String, member: String)
    /// That element is in the list at that other key.
    case holds(key: String, element: String)
    /// The same, among so many elements from the tail of the list.
    case stands(key: String, element: String, within: Int)
    /// That entry of the stream at that other key is pending with a group, as it was read: deliveries and consumer.
    case delivered(key: String, entry: String, group: String, as: String)
    /// The number at that other key, or the size of what is there, is at most that; nothing there counts as 0.
    case atMost(key: String, Int64)
}

/// Something that is put into a key beside the record: its id on a queue, or what an application keeps of a change.
package struct Push: Sendable, Equatable {
    /// What the key holds; by the name that Redis has for it.
    package enum Kind: String, Sendable, CaseIterable {
        case list, zset, stream, set, hash
        case text = "string"

        /// Those that an id can be put on so that work is taken up there.
        package static let queues = [list, zset, stream]
        /// Those that a key can be found to be, where nobody says what it is.
        package static let found = [list, zset, stream, set]
    }

    /// What is put there.
    package enum Content: Sendable, Equatable {
        /// The record's id.
        case id
        /// A text.
        case text(String)
        /// Fields: as they are into a stream or a hash, and as JSON into anything else.
        case fields([FieldWrite], json: String)
    }

    /// The key.
    package var key: String
    /// What it holds; nil if that is left to what is found there.
    package var kind: Kind?
    /// The score in a sorted set.
    package var score: String?
    /// Whether it goes to the head of a list.
    package var isAtHead: Bool
    /// What is put there.
    package var content: Content
    /// The field of a hash that it goes into; nil: the fields of the content, or the record's id.
    package var field: String?
    /// How long a text is kept; nil: for ever.
    package var keptFor: Duration?
    /// What was there before, in the order of ``traces(id:)``; nil where nothing was.
    package var earlier: [Standing?] = []
    /// Whether it goes along with a refund, and isn't made where nothing is paid.
    package var isOfRefund = false
    /// Of an entry of a stream that is made pending again: with whom.
    package var pending: Seat.Pending?
    /// Of a list: the element that it goes behind, where that is there; else to the end that is said.
    package var behind: String?
    /// When the key goes by itself if this makes it, in Unix milliseconds; nil if never.
    package var expires: Int64?

    /// Makes it.
    package init(
        key: String, kind: Kind? = nil, score: String? = nil, isAtHead: Bool = false, content: Content = .id,
        field: String? = nil, keptFor: Duration? = nil
    ) {
        self.key = key
        self.kind = kind
        self.score = score
        self.isAtHead = isAtHead
        self.content = content
        self.field = field
        self.keptFor = keptFor
    }

    /// What it leaves that an undo can find and take away, where it isn't the record's id on a queue.
    ///
    /// - Parameter id: the record's id.
    package func traces(id: String) -> [Taking] {
        let kind = kind ?? .list
        // An entry of a stream is found by its id, which is known when it is there.
        if kind == .stream { return content == .id ? [] : [Taking(key: key, kind: kind)] }
        var traces: [Taking]
        switch content {
        case .id: return []
        case .text(let text): traces = [Taking(key: key, kind: kind, member: text, field: hashField(id))]
        case .fields(let fields, let json):
            if kind == .hash, field == nil {
                traces = fields.map { Taking(key: key, kind: kind, member: $0.value, field: $0.field) }
            } else {
                traces = [Taking(key: key, kind: kind, member: json, field: hashField(id))]
            }
        }
        for place in traces.indices {
            if kind == .zset { traces[place].score = score.flatMap(Self.asRedisWrites) }
            if earlier.indices.contains(place) { traces[place].earlier = earlier[place] }
        }
        return traces
    }

    /// A score as Redis writes it, where that is certain: a whole number.
    private static func asRedisWrites(_ score: String) -> String? {
        Double(score).flatMap { Int64(exactly: $0) }.map { String($0) }
    }

    private func hashField(_ id: String) -> String? { kind == .hash ? field ?? id : nil }
}

/// Something that is taken out of a key: a member of a registry, or the inverse of a ``Push``.
package struct Taking: Sendable, Equatable {
    /// The key.
    package var key: String
    /// What it holds.
    package var kind: Push.Kind
    /// What is taken out; nil: the record's id.
    ///
    /// A list is searched from its tail.
    package var member: String?
    /// The field of a hash that goes.
    package var field: String?
    /// The score that it has in a sorted set, as Redis writes it; nil if that doesn't matter.
    package var score: String?
    /// What was there before, which an undo puts back.
    package var earlier: Standing?
    /// Of a list: the end that it is near.
    package var end: Seat.End = .tail
    /// Of a stream that is read by a group.
    package var pending: Seat.Pending?
    /// In an event: the number of what was taken out that this is the same as.
    package var sameAs: Int?
    /// Of a list: the element that it stands behind, on the side of the head, so that an undo can put it there again.
    package var behind: String?
    /// When the key goes by itself, in Unix milliseconds, which is to be so again where an undo makes it anew; nil if never.
    package var expires: Int64?
    /// Whether it is an entry of a stream that a change has added, so that a stream which it made goes with it.
    package var isAdded = false

    /// What puts it back.
    package var inverse: Push {
        var push = Push(
            key: key, kind: kind, score: score, isAtHead: end == .head, content: member.map { .text($0) } ?? .id,
            field: field)
        push.pending = pending
        push.expires = expires
        push.behind = behind
        return push
    }

    /// Makes it.
    package init(key: String, kind: Push.Kind, member: String? = nil, field: String? = nil) {
        self.key = key
        self.kind = kind
        self.member = member
        self.field = field
    }
}

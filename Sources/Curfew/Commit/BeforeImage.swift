internal import Foundation
package import Policies
internal import RedisClient

/// What the fields of a record held before a change, as its event keeps it: enough to put it back.
///
/// It is a JSON object: fields by name, and beside them members of Curfew's own, whose names begin with `curfew:`.
package struct BeforeImage: Sendable {
    /// The members that are no fields.
    enum Member: String, CaseIterable {
        /// What was written, so that an undo can tell whether it still is so.
        case after = "curfew:after"
        /// The keys which went along with a removed record.
        case also = "curfew:also"
        /// What was put into keys beside the record, so that an undo can take it out.
        case puts = "curfew:put"
        /// What was taken out of registries, so that an undo can put it back.
        case takes = "curfew:take"
        /// What the fields of a JSON record held, as JSON, where texts don't say it: `null`, for one.
        case originals = "curfew:json"
        /// The whole text of a JSON record, where nothing less says it byte for byte.
        case text = "curfew:text"
        /// A digest of what was written in its place, by which an undo can tell that it still is so.
        case sum = "curfew:sum"
        /// The run whose trash holds what was removed, where another one has finished the change.
        case run = "curfew:run"
        /// How many bytes the values had, where they were too many to be kept.
        case cut = "curfew:cut"
    }

    /// The most bytes of the values of an image: events are read by the hundreds, and whoever owns a record decides how
    /// large its fields are.
    static let mostBytes = 64 << 10
    /// What stands behind the number of bytes where the event alone had what was taken out of registries.
    static let movedNote = " moved"
    /// What is shown of a value of an image that was cut.
    private static let shownOfCut = 256

    /// What the fields held, by name; nil where they were absent.
    ///
    /// They may be more than those that were written.
    package let before: [String: String?]
    /// What was written, by name; nil where a field was removed.
    package let after: [String: String?]
    /// What fields held as JSON.
    let originals: [FieldWrite]
    /// The keys that went along.
    let also: [String]
    /// What was put into keys beside the record.
    let puts: [Taking]
    /// What was taken out of registries.
    let takes: [Taking]
    /// The whole text, with the digest of what was written in its place.
    let whole: (text: String, sum: String)?
    /// The run whose trash is meant, where it isn't that of the event.
    let run: String?
    /// How many bytes it had, where it was cut.
    let cut: String?

    /// Reads the text of an event; throws where it is no image.
    package init(_ text: String) throws(RecordError) {
        let members = try Self.members(text)
        func fields(_ member: Member) -> [String: String?] {
            (members[member.rawValue] as? [String: Any] ?? [:]).mapValues { $0 as? String }
        }
        before = members.filter { Member(rawValue: $0.key) == nil }.mapValues { $0 as? String }
        after = fields(.after)
        originals = fields(.originals).sorted { $0.key < $1.key }.map { FieldWrite(field: $0.key, value: $0.value) }
        also = members[Member.also.rawValue] as? [String] ?? []
        var puts = try Self.takings(members[Member.puts.rawValue])
        takes = try Self.takings(members[Member.takes.rawValue])
        for place in puts.indices {
            guard let same = puts[place].sameAs, takes.indices.contains(same) else { continue }
            puts[place].member = takes[same].member
        }
        self.puts = puts
        if let text = members[Member.text.rawValue] as? String, let sum = members[Member.sum.rawValue] as? String {
            whole = (text, sum)
        } else {
            whole = nil
        }
        run = members[Member.run.rawValue] as? String
        cut = members[Member.cut.rawValue] as? String
    }

    /// What tells whether a text is the one that was written.
    static func digest(of text: String) -> String { Fields(names: [""], values: [text]).signature }

    private static func takings(_ value: Any?) throws(RecordError) -> [Taking] {
        var takings: [Taking] = []
        for item in value as? [Any] ?? [] {
            guard let item = item as? [String: String], let taking = Taking(image: item) else {
                throw RecordError("its event can't be read: it names something else than what was put or taken")
            }
            takings.append(taking)
        }
        return takings
    }

    private static func members(_ text: String) throws(RecordError) -> [String: Any] {
        do {
            let value = try JSONSerialization.jsonObject(with: Data(ByteText.heldJSON(ByteText.bytes(of: text))))
            if let members = value as? [String: Any] { return members }
        } catch {
            throw RecordError("its event can't be read: before is no JSON")
        }
        throw RecordError("its event can't be read: before is no JSON object")
    }

    /// The text of an image.
    ///
    /// What was written comes last, as an object of its own, where there is any, and after it the values that only JSON
    /// can say, and the keys that went along. Where they have more than ``mostBytes`` together, each value is cut.
    static func text(
        _ before: [FieldWrite], after: [FieldWrite] = [], originals: [FieldWrite] = [], also: [String] = [],
        puts: [Taking] = [], takes: [Taking] = [], whole: (text: String, after: String)? = nil
    ) -> String {
        // What is taken out and put elsewhere as it is needs to be said once.
        let puts = puts.map { put in
            var put = put
            if let member = put.member, member.utf8.count > shownOfCut,
                let taken = takes.firstIndex(where: { $0.member == member })
            {
                (put.member, put.sameAs) = (nil, taken)
            }
            return put
        }
        let moves = puts + takes
        let size =
            JSONText.size(of: before)
            + (after.isEmpty ? 0 : JSONText.size(of: after) + Member.after.rawValue.utf8.count)
            + (originals.isEmpty ? 0 : JSONText.size(of: originals))
            + moves.reduce(0) { $0 + JSONText.size(of: $1.image) }
        if size > mostBytes,
            let count = bytes(of: before + after + originals + moves.flatMap(\.image), atLeast: mostBytes)
        {
            // What was moved is no longer anywhere else.
            let isMoved = moves.contains { $0.earlier != nil || takes.contains($0) }
            let note = FieldWrite(field: Member.cut.rawValue, value: String(count) + (isMoved ? movedNote : ""))
            return text(before.map(shown) + [note], after: after.map(shown), also: also)
        }
        var object = JSONText.Object(before, capacity: size + 8)
        if !after.isEmpty { object.add(Member.after.rawValue, after) }
        if !originals.isEmpty { object.add(Member.originals.rawValue, originals) }
        // Where it is too large, what can be put back is put back field by field.
        if let whole, size + whole.text.utf8.count < mostBytes {
            object.add(Member.text.rawValue, text: whole.text)
            object.add(Member.sum.rawValue, text: digest(of: whole.after))
        }
        if !also.isEmpty { object.add(Member.also.rawValue, texts: also) }
        if !puts.isEmpty { object.add(Member.puts.rawValue, objects: puts.map(\.image)) }
        if !takes.isEmpty { object.add(Member.takes.rawValue, objects: takes.map(\.image)) }
        return object.end()
    }

    /// An image of one run for an event of another, which finishes what that one has begun.
    static func text(_ image: String, of run: String, for other: String) -> String {
        guard run != other, var object = JSONText.Object(text: image) else { return image }
        object.add(Member.run.rawValue, text: run)
        return object.end()
    }

    /// How many bytes the values have, from so many on.
    private static func bytes(of members: [FieldWrite], atLeast limit: Int) -> Int? {
        let count = members.reduce(0) { $0 + ($1.value.map(ByteText.count) ?? 0) }
        return count >= limit ? count : nil
    }

    private static func shown(_ write: FieldWrite) -> FieldWrite {
        FieldWrite(field: write.field, value: write.value?.shortened(to: shownOfCut))
    }
}

extension Taking {
    /// What was put, as an event tells it.
    fileprivate var image: [FieldWrite] {
        let (earlier, left) = earlier?.image ?? (nil, nil)
        return [
            ("key", key), ("kind", kind.rawValue), ("member", member), ("field", field), ("score", score),
            ("earlier", earlier), ("expires_in_ms", left), ("end", end == .tail ? nil : end.rawValue),
            ("behind", behind),
            ("same_as", sameAs.map { String($0) }),
            ("expires", expires.map { String($0) }), ("group", pending?.group), ("consumer", pending?.consumer),
            ("deliveries", pending?.deliveries),
        ].compactMap { name, value in value.map { FieldWrite(field: name, value: $0) } }
    }

    /// Reads it; nil if it is none.
    fileprivate init?(image: [String: String]) {
        guard let key = image["key"], let kind = image["kind"].flatMap({ Push.Kind(rawValue: $0) }) else { return nil }
        self.init(key: key, kind: kind, member: image["member"], field: image["field"])
        score = image["score"]
        expires = image["expires"].flatMap { Int64($0) }
        sameAs = image["same_as"].flatMap { Int($0) }
        behind = image["behind"]
        end = image["end"].flatMap { Seat.End(rawValue: $0) } ?? .tail
        if let group = image["group"], let consumer = image["consumer"], let deliveries = image["deliveries"] {
            pending = Seat.Pending(group: group, consumer: consumer, deliveries: deliveries)
        }
        if let text = image["earlier"] {
            let left = image["expires_in_ms"].flatMap { Int64($0) }.map { Duration.milliseconds($0) }
            earlier = Standing(text, of: kind, expiresIn: left)
        }
    }
}

extension Standing {
    /// What was there, as an event tells it: a score, a value, a text with what was left of its time.
    fileprivate var image: (text: String?, expiresIn: String?) {
        switch self {
        case .list, .set, .stream: ("", nil)
        case .zset(let score): (score, nil)
        case .hash(let value): (value, nil)
        case .text(let text, let left): (text, left.map { String($0.milliseconds) })
        }
    }

    /// Reads it; nil where nothing can have been there.
    fileprivate init?(_ text: String, of kind: Push.Kind, expiresIn left: Duration?) {
        switch kind {
        case .list, .stream: return nil
        case .set: self = .set
        case .zset: self = .zset(score: text)
        case .hash: self = .hash(value: text)
        case .text: self = .text(text, expiresIn: left)
        }
    }
}

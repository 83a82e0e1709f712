internal import Policies
internal import RedisClient

/// What must still be so when a verdict is carried out, else the record has moved and is left alone.
///
/// In a Redis Cluster a guard on a key in another slot than the record's is looked at just before the change, and not in
/// one step with it.
public struct PolicyGuard: Sendable, Equatable {
    let `guard`: Policies.Guard

    init(_ item: Policies.Guard) {
        `guard` = item
    }

    /// The field of the record has this value; nil: it is absent.
    public static func field(_ name: String, equals value: String?) -> PolicyGuard {
        PolicyGuard(.field(name.fromProgram, equals: value?.fromProgram))
    }

    /// There is something at that other key.
    public static func exists(_ key: String) -> PolicyGuard { PolicyGuard(.keyPresent(key.fromProgram)) }

    /// There is nothing at that other key.
    public static func absent(_ key: String) -> PolicyGuard { PolicyGuard(.keyAbsent(key.fromProgram)) }

    /// The field of the hash at that other key has this value; nil: it is absent.
    public static func field(_ name: String, of key: String, equals value: String?) -> PolicyGuard {
        PolicyGuard(.otherField(key: key.fromProgram, field: name.fromProgram, equals: value?.fromProgram))
    }

    /// The plain string at that other key is this.
    public static func string(at key: String, equals text: String) -> PolicyGuard {
        PolicyGuard(.otherText(key: key.fromProgram, equals: text.fromProgram))
    }

    /// That member is in the set at that other key.
    public static func member(_ member: String, ofSet key: String) -> PolicyGuard {
        PolicyGuard(.contains(key: key.fromProgram, member: member.fromProgram))
    }

    /// That member is in the sorted set at that other key, whatever its score.
    public static func member(_ member: String, ofSortedSet key: String) -> PolicyGuard {
        PolicyGuard(.listed(key: key.fromProgram, member: member.fromProgram))
    }

    /// That is in no set, sorted set, list or hash at that other key, or there is nothing at it.
    public static func absent(_ member: String, from key: String) -> PolicyGuard {
        PolicyGuard(.unlisted(key: key.fromProgram, member: member.fromProgram))
    }

    /// The number at that other key, or how many elements it has, is at most that; nothing there counts as 0.
    public static func count(of key: String, atMost most: Int64) -> PolicyGuard {
        PolicyGuard(.atMost(key: key.fromProgram, most))
    }
}

/// One thing that a change does.
///
/// All effects of a change are carried out together or not at all, and undone together; in a Redis Cluster those in
/// another slot than the record's follow it, each exactly once.
public struct PolicyEffect: Sendable, Hashable {
    enum Kind: Hashable {
        case set(field: String, value: String?)
        case remove
        case discard(String)
        case put(Put)
        case take(member: String, key: String)
        case refund
        case publish(message: String, channel: String)
    }

    /// What is put into a key beside the record.
    struct Put: Hashable {
        var key: String
        var kind: Push.Kind
        var text = ""
        var entry: [Field] = []
        var field: String?
        var score: String?
        var isAtHead = false
        var keptFor: Duration?
    }

    /// A field of an entry that is added to a stream.
    struct Field: Hashable {
        var name: String
        var value: String
    }

    let kind: Kind

    /// A field of the record, or a path in its JSON, gets this value.
    public static func set(_ field: String, to value: String) -> PolicyEffect {
        PolicyEffect(kind: .set(field: field.fromProgram, value: value.fromProgram))
    }

    /// A field of the record is removed.
    public static func unset(_ field: String) -> PolicyEffect {
        PolicyEffect(kind: .set(field: field.fromProgram, value: nil))
    }

    /// The record goes to the trash, where it is kept as long as `undo` of the cleanup says; the action is
    /// ``PolicyAction/remove`` or ``PolicyAction/release``.
    public static var remove: PolicyEffect { PolicyEffect(kind: .remove) }

    /// A key beside the record goes to the trash, if there is one.
    public static func discard(_ key: String) -> PolicyEffect { PolicyEffect(kind: .discard(key.fromProgram)) }

    /// A text is put at the tail of a list, or at its head.
    public static func append(_ text: String, toList key: String, atHead: Bool = false) -> PolicyEffect {
        PolicyEffect(kind: .put(Put(key: key.fromProgram, kind: .list, text: text.fromProgram, isAtHead: atHead)))
    }

    /// A member is put into a set.
    public static func insert(_ member: String, intoSet key: String) -> PolicyEffect {
        PolicyEffect(kind: .put(Put(key: key.fromProgram, kind: .set, text: member.fromProgram)))
    }

    /// A member is put into a sorted set, or gets that score there; a score that is no number is the record's error.
    public static func insert(_ member: String, intoSortedSet key: String, score: Double) -> PolicyEffect {
        let text = Int64(exactly: score).map(String.init) ?? String(score)
        return PolicyEffect(kind: .put(Put(key: key.fromProgram, kind: .zset, text: member.fromProgram, score: text)))
    }

    /// A field of the hash at another key gets this value.
    public static func set(_ field: String, ofHash key: String, to value: String) -> PolicyEffect {
        let put = Put(key: key.fromProgram, kind: .hash, text: value.fromProgram, field: field.fromProgram)
        return PolicyEffect(kind: .put(put))
    }

    /// A plain string is written to a key, for that long, at most 100 years, or for ever.
    public static func write(_ text: String, to key: String, keptFor: Duration? = nil) -> PolicyEffect {
        PolicyEffect(kind: .put(Put(key: key.fromProgram, kind: .text, text: text.fromProgram, keptFor: keptFor)))
    }

    /// An entry is added to a stream; an undo can't take it back.
    public static func append(_ fields: KeyValuePairs<String, String>, toStream key: String) -> PolicyEffect {
        let entry = fields.map { Field(name: $0.key.fromProgram, value: $0.value.fromProgram) }
        return PolicyEffect(kind: .put(Put(key: key.fromProgram, kind: .stream, entry: entry)))
    }

    /// Something is taken out of a list, set, sorted set or hash; where it doesn't stand there, nothing is.
    public static func take(_ member: String, outOf key: String) -> PolicyEffect {
        PolicyEffect(kind: .take(member: member.fromProgram, key: key.fromProgram))
    }

    /// What ``Policy/refund`` says is paid back; nothing where the amount is 0.
    public static var refund: PolicyEffect { PolicyEffect(kind: .refund) }

    /// A message is published with the change; an undo can't take it back.
    public static func publish(_ message: String, to channel: String) -> PolicyEffect {
        PolicyEffect(kind: .publish(message: message.fromProgram, channel: channel.fromProgram))
    }
}

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
        PolicyGuard(.field(name.held, equals: value?.held))
    }

    /// There is something at that other key.
    public static func exists(_ key: String) -> PolicyGuard { PolicyGuard(.keyPresent(key.held)) }

    /// There is nothing at that other key.
    public static func absent(_ key: String) -> PolicyGuard { PolicyGuard(.keyAbsent(key.held)) }

    /// The field of the hash at that other key has this value; nil: it is absent.
    public static func field(_ name: String, of key: String, equals value: String?) -> PolicyGuard {
        PolicyGuard(.otherField(key: key.held, field: name.held, equals: value?.held))
    }

    /// The plain string at that other key is this.
    public static func string(at key: String, equals text: String) -> PolicyGuard {
        PolicyGuard(.otherText(key: key.held, equals: text.held))
    }

    /// That member is in the set at that other key.
    public static func member(_ member: String, ofSet key: String) -> PolicyGuard {
        PolicyGuard(.contains(key: key.held, member: member.held))
    }

    /// That member is in the sorted set at that other key, whatever its score.
    public static func member(_ member: String, ofSortedSet key: String) -> PolicyGuard {
        PolicyGuard(.listed(key: key.held, member: member.held))
    }

    /// That is in no set, sorted set, list or hash at that other key, or there is nothing at it.
    public static func absent(_ member: String, from key: String) -> PolicyGuard {
        PolicyGuard(.unlisted(key: key.held, member: member.held))
    }

    /// The number at that other key, or how many elements it has, is at most that; nothing there counts as 0.
    public static func count(of key: String, atMost most: Int64) -> PolicyGuard {
        PolicyGuard(.atMost(key: key.held, most))
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
        PolicyEffect(kind: .set(field: field.held, value: value.held))
    }

    /// A field of the record is removed.
    public static func unset(_ field: String) -> PolicyEffect {
        PolicyEffect(kind: .set(field: field.held, value: nil))
    }

    /// The record goes to the trash, where it is kept as long as `undo` of the cleanup says.
    public static var remove: PolicyEffect { PolicyEffect(kind: .remove) }

    /// A key beside the record goes to the trash, if there is one.
    public static func discard(_ key: String) -> PolicyEffect { PolicyEffect(kind: .discard(key.held)) }

    /// A text is put at the tail of a list, or at its head.
    public static func append(_ text: String, toList key: String, atHead: Bool = false) -> PolicyEffect {
        PolicyEffect(kind: .put(Put(key: key.held, kind: .list, text: text.held, isAtHead: atHead)))
    }

    /// A member is put into a set.
    public static func insert(_ member: String, intoSet key: String) -> PolicyEffect {
        PolicyEffect(kind: .put(Put(key: key.held, kind: .set, text: member.held)))
    }

    /// A member is put into a sorted set, or gets that score there; a score that is no number is the record's error.
    public static func insert(_ member: String, intoSortedSet key: String, score: Double) -> PolicyEffect {
        let text = Int64(exactly: score).map(String.init) ?? String(score)
        return PolicyEffect(kind: .put(Put(key: key.held, kind: .zset, text: member.held, score: text)))
    }

    /// A field of the hash at another key gets this value.
    public static func set(_ field: String, ofHash key: String, to value: String) -> PolicyEffect {
        PolicyEffect(kind: .put(Put(key: key.held, kind: .hash, text: value.held, field: field.held)))
    }

    /// A plain string is written to a key, for that long or for ever.
    public static func write(_ text: String, to key: String, keptFor: Duration? = nil) -> PolicyEffect {
        PolicyEffect(kind: .put(Put(key: key.held, kind: .text, text: text.held, keptFor: keptFor)))
    }

    /// An entry is added to a stream; an undo can't take it back.
    public static func append(_ fields: KeyValuePairs<String, String>, toStream key: String) -> PolicyEffect {
        let entry = fields.map { Field(name: $0.key.held, value: $0.value.held) }
        return PolicyEffect(kind: .put(Put(key: key.held, kind: .stream, entry: entry)))
    }

    /// Something is taken out of a list, set, sorted set or hash; where it doesn't stand there, nothing is.
    public static func take(_ member: String, outOf key: String) -> PolicyEffect {
        PolicyEffect(kind: .take(member: member.held, key: key.held))
    }

    /// What ``Policy/refund`` says is paid back; nothing where the amount is 0.
    public static var refund: PolicyEffect { PolicyEffect(kind: .refund) }

    /// A message is published with the change; an undo can't take it back.
    public static func publish(_ message: String, to channel: String) -> PolicyEffect {
        PolicyEffect(kind: .publish(message: message.held, channel: channel.held))
    }
}

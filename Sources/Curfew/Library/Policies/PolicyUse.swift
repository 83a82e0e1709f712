internal import Policies
internal import RedisClient

/// Something that a policy looks at.
///
/// What isn't declared isn't read: a policy that looks at another field, or names another key, makes the error of that
/// record. From what is declared follow the commands that read records, the rights that `doctor` tries, and the slots that
/// `config check` shows.
public struct PolicyRead: Sendable, Hashable {
    enum Kind: Hashable {
        case field(String)
        case key(PolicyTemplate, Look)
    }

    /// What is looked at in a key beside the record.
    enum Look: Hashable {
        case existence, field, size, members
    }

    let kind: Kind

    /// A field of the record, or a path in its JSON.
    public static func field(_ name: String) -> PolicyRead { PolicyRead(kind: .field(name.fromProgram)) }

    /// Whether a key exists: ``PolicyQuestion/exists(_:)``.
    public static func exists(_ key: PolicyTemplate) -> PolicyRead { PolicyRead(kind: .key(key, .existence)) }

    /// Fields of the hash at another key: ``PolicyQuestion/field(_:of:)``.
    public static func hash(_ key: PolicyTemplate) -> PolicyRead { PolicyRead(kind: .key(key, .field)) }

    /// The number at a key, or how many elements it has: ``PolicyQuestion/count(of:)``.
    public static func count(of key: PolicyTemplate) -> PolicyRead { PolicyRead(kind: .key(key, .size)) }

    /// Whether something stands in a list, set, sorted set or hash: ``PolicyQuestion/contains(_:in:)``.
    public static func members(of key: PolicyTemplate) -> PolicyRead { PolicyRead(kind: .key(key, .members)) }

    /// The field, if it is one.
    var field: String? { if case .field(let name) = kind { name } else { nil } }

    /// The key beside the record, and what is done there.
    var use: KeyUse? {
        guard case .key(let key, let look) = kind else { return nil }
        let commands: [[String]] =
            switch look {
            case .existence: [["EXISTS"]]
            case .field: [["HGET", "a"], ["EXISTS"], ["TYPE"]]
            case .size: [["TYPE"], ["GET"], ["LLEN"], ["SCARD"], ["ZCARD"], ["HLEN"], ["XLEN"]]
            case .members:
                [["TYPE"], ["LPOS", "x"], ["SISMEMBER", "x"], ["ZSCORE", "x"], ["HGET", "x"], ["GET"], ["PTTL"]]
            }
        return KeyUse(KeyUse.Role(rawValue: "key"), key.template, commands, isGuard: true)
    }
}

/// Something that the changes of a policy write.
///
/// What isn't declared isn't written: such a change is the error of that record.
public struct PolicyWrite: Sendable, Hashable {
    enum Kind: Hashable {
        case field(String)
        case removal
        case companion(PolicyTemplate)
        case put(PolicyTemplate, Push.Kind)
        case channel(PolicyTemplate)
    }

    let kind: Kind

    /// A field of the record, or a path in its JSON; it is read as well, for the event and for undo.
    public static func field(_ name: String) -> PolicyWrite { PolicyWrite(kind: .field(name.fromProgram)) }

    /// The record itself, which goes to the trash; such cleanups are guarded unless the file says otherwise.
    public static var removal: PolicyWrite { PolicyWrite(kind: .removal) }

    /// A key that goes to the trash: ``PolicyEffect/discard(_:)``.
    public static func key(_ key: PolicyTemplate) -> PolicyWrite { PolicyWrite(kind: .companion(key)) }

    /// A list that something is put on, or taken out of.
    public static func list(_ key: PolicyTemplate) -> PolicyWrite { PolicyWrite(kind: .put(key, .list)) }

    /// A set that something is put into, or taken out of.
    public static func set(_ key: PolicyTemplate) -> PolicyWrite { PolicyWrite(kind: .put(key, .set)) }

    /// A sorted set that something is put into, or taken out of.
    public static func sortedSet(_ key: PolicyTemplate) -> PolicyWrite { PolicyWrite(kind: .put(key, .zset)) }

    /// A hash whose fields are written, or taken out.
    public static func hash(_ key: PolicyTemplate) -> PolicyWrite { PolicyWrite(kind: .put(key, .hash)) }

    /// A plain string that is written.
    public static func string(_ key: PolicyTemplate) -> PolicyWrite { PolicyWrite(kind: .put(key, .text)) }

    /// A stream that entries are added to; an undo can't take those back.
    public static func stream(_ key: PolicyTemplate) -> PolicyWrite { PolicyWrite(kind: .put(key, .stream)) }

    /// A channel that messages are published to; an undo can't take those back.
    public static func channel(_ name: PolicyTemplate) -> PolicyWrite { PolicyWrite(kind: .channel(name)) }

    /// The field, if it is one.
    var field: String? { if case .field(let name) = kind { name } else { nil } }

    /// The key beside the record, and what is done there.
    var uses: [KeyUse] {
        switch kind {
        case .field, .removal: return []
        case .companion(let key): return [KeyUse(.companion, key.template, [])]
        case .channel(let name): return [KeyUse(.channel, name.template, [["PUBLISH", "x"]])]
        case .put(let key, let kind):
            // What stands there is looked at, taken out, and put.
            let commands: [[String]] =
                switch kind {
                case .list: [["RPUSH", "x"], ["LPUSH", "x"], ["LPOS", "x"], ["LREM", "-1", "x"]]
                case .zset: [["ZADD", "1", "x"], ["ZSCORE", "x"], ["ZREM", "x"]]
                case .set: [["SADD", "x"], ["SISMEMBER", "x"], ["SREM", "x"]]
                case .hash: [["HSET", "a", "x"], ["HGET", "a"], ["HDEL", "a"]]
                case .stream: [["XADD", "*", "id", "x"]]
                case .text: [["SET", "x"], ["GET"], ["DEL"]]
                }
            return [KeyUse(.registry, key.template, [["TYPE"], ["PTTL"]] + commands)]
        }
    }

    /// The template that it names.
    var template: PolicyTemplate? {
        switch kind {
        case .field, .removal: nil
        case .companion(let key), .channel(let key), .put(let key, _): key
        }
    }
}

/// What a change may pay back: ``PolicyEffect/refund``.
///
/// It is paid once for each charge: the ledger, a hash, has an entry named after the record and what ``since`` held, so
/// that a record which is charged anew is refunded anew, and a run that is repeated pays nothing twice.
public struct PolicyRefund: Sendable, Hashable {
    /// The field with the amount, whole or decimal, 0 or more; where it is absent or unreadable, that is the record's error.
    public let amount: String
    /// The field that tells one charge from another, such as the start of the attempt.
    public let since: String
    /// The key of the balance.
    public let balance: PolicyTemplate
    /// The field of the hash at that key which is the balance; nil: the key holds the number itself.
    public let field: String?
    /// The key of the ledger.
    public let ledger: PolicyTemplate

    /// Makes it.
    public init(amount: String, since: String, balance: PolicyTemplate, field: String? = nil, ledger: PolicyTemplate) {
        (self.amount, self.since) = (amount, since)
        (self.balance, self.field, self.ledger) = (balance, field, ledger)
    }

    var fields: [String] {
        [amount.fromProgram, since.fromProgram] + balance.template.fields + ledger.template.fields
    }

    var uses: [KeyUse] {
        [
            KeyUse(.ledger, ledger.template, [["HMGET", "a"], ["HGET", "a"], ["HSETNX", "a", "1"], ["HDEL", "a"]]),
            KeyUse(
                .balance, balance.template,
                field == nil ? [["INCRBY", "1"], ["TYPE"]] : [["HINCRBY", "a", "1"], ["HGET", "a"], ["TYPE"]]),
        ]
    }
}

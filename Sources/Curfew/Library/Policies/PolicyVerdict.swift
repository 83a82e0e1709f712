internal import Policies
internal import RedisClient

/// What a policy says about a record.
public struct PolicyVerdict: Sendable {
    enum Kind {
        case leave(until: Timestamp?, because: String, isStalled: Bool)
        case drop(because: String, guards: [Policies.Guard])
        case ask([Question])
        case change(PolicyChange)
    }

    let kind: Kind

    /// Nothing is done now.
    ///
    /// - Parameters:
    ///   - until: when it is looked at again; nil, or a time that has passed, leaves it due: every run looks at it.
    ///   - because: why, in words, for `explain`.
    ///   - stalled: whether it is past its time with work still going on, which is counted apart.
    public static func leave(
        until: PolicyTime?, because: String, stalled: Bool = false
    ) -> PolicyVerdict {
        PolicyVerdict(kind: .leave(until: until?.timestamp, because: because.fromProgram, isStalled: stalled))
    }

    /// The record needs no watching any more: its entry goes out of the index.
    ///
    /// The record itself stays.
    ///
    /// - Parameters:
    ///   - because: the reason that people read.
    ///   - guards: what must still be so; left out, all declared fields must be as they were read.
    public static func drop(because: String, guards: [PolicyGuard] = []) -> PolicyVerdict {
        PolicyVerdict(kind: .drop(because: because.fromProgram, guards: guards.map(\.guard)))
    }

    /// It can't tell yet: these are answered, and the policy is asked again.
    ///
    /// A policy may ask four times about a record, at most 64 questions at once.
    public static func ask(_ questions: [PolicyQuestion]) -> PolicyVerdict {
        PolicyVerdict(kind: .ask(questions.map(\.question)))
    }

    /// The record is to be changed.
    public static func change(_ change: PolicyChange) -> PolicyVerdict {
        PolicyVerdict(kind: .change(change))
    }
}

/// What a policy wants to know beyond the record; the key must be one that it declares.
public struct PolicyQuestion: Sendable, Hashable {
    let question: Question

    /// Whether a key exists; answered by ``PolicyRecord/exists(_:)``.
    public static func exists(_ key: String) -> PolicyQuestion {
        PolicyQuestion(question: .exists(key: key.fromProgram))
    }

    /// A field of the hash at another key; answered by ``PolicyRecord/value(of:in:)``.
    public static func field(_ field: String, of key: String) -> PolicyQuestion {
        PolicyQuestion(question: .field(key: key.fromProgram, field: field.fromProgram))
    }

    /// The number at a key, or how many elements it has; answered by ``PolicyRecord/count(of:)``.
    public static func count(of key: String) -> PolicyQuestion {
        PolicyQuestion(question: .count(key: key.fromProgram))
    }

    /// Whether something stands in a list, set, sorted set or hash; answered by ``PolicyRecord/contains(_:in:)``.
    public static func contains(_ member: String, in key: String) -> PolicyQuestion {
        PolicyQuestion(question: .standing(key: key.fromProgram, member: member.fromProgram))
    }
}

/// What a change amounts to: the word for it in results, events, metrics and on the dashboard.
///
/// Where records stand in registries (`in`), ``fail``, ``retry``, ``complete``, ``release``, ``cancel``, ``reset`` and
/// ``remove`` take them out of theirs; ``mark`` and ``warn`` leave them there.
public struct PolicyAction: Sendable, Hashable {
    let action: Change.Action

    /// Given up.
    public static let fail = PolicyAction(action: .fail)
    /// Given another try.
    public static let retry = PolicyAction(action: .retry)
    /// Found finished, though never marked so.
    public static let complete = PolicyAction(action: .complete)
    /// Something removed that somebody held; with ``PolicyEffect/remove``.
    public static let release = PolicyAction(action: .release)
    /// Abandoned.
    public static let cancel = PolicyAction(action: .cancel)
    /// Marked, as stale for example.
    public static let mark = PolicyAction(action: .mark)
    /// Its owner warned.
    public static let warn = PolicyAction(action: .warn)
    /// Sent back to an earlier state.
    public static let reset = PolicyAction(action: .reset)
    /// The record removed; with ``PolicyEffect/remove``.
    public static let remove = PolicyAction(action: .remove)
}

/// Everything that is to be done to one record, in one commit: guards, effects and a reason.
///
/// A change without guards, or without effects, is the record's error: it could overwrite what somebody has written since.
/// So is one that writes, takes or discards the same thing twice, writes more than 64 MiB, or names a key that its
/// template doesn't make of this record.
///
/// Where the answer to a commit is lost, the record is read and judged again. So a change that adds to a list or a stream,
/// publishes, or takes something out of a list must show that it is made: it writes a field of the record too, removes it,
/// takes it out of its registry, or is guarded by what it ends, as ``PolicyGuard/absent(_:from:)`` is. Otherwise it is the
/// record's error.
public struct PolicyChange: Sendable {
    /// What it amounts to.
    public var action: PolicyAction
    /// Why, in words: for events, previews and people; cut where longer than 1,000 bytes.
    public var reason: String
    /// What must still be so when it is carried out, else the record has moved and is left alone.
    ///
    /// That what the change writes is still as it was read is added.
    public var guards: [PolicyGuard]
    /// What it does, each field and key once.
    public var effects: [PolicyEffect]
    /// The status before and after, for people; empty where records have none, and cut where longer than 200 bytes.
    public var from: String, to: String
    /// How old the record was, and how old it may become.
    public var age: Duration, limit: Duration
    /// When to look at the record again; nil takes it out of the index.
    public var next: PolicyTime?

    /// Makes it.
    public init(
        _ action: PolicyAction, reason: String, guards: [PolicyGuard], effects: [PolicyEffect], from: String = "",
        to: String = "", age: Duration = .zero, limit: Duration = .zero, next: PolicyTime? = nil
    ) {
        (self.action, self.reason, self.guards, self.effects) = (action, reason, guards, effects)
        (self.from, self.to, self.age, self.limit, self.next) = (from, to, age, limit, next)
    }
}

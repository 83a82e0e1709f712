internal import Policies
internal import RedisClient

/// Records and verdicts in the tests of a policy, without Redis.
extension PolicyRecord {
    /// A record with these fields, and no others; its verdict isn't checked against what the policy declares.
    ///
    /// - Parameters:
    ///   - id: its name among the records of its cleanup.
    ///   - key: the key that it is at; left out, the id.
    ///   - fields: the fields of its hash, as Redis has them.
    ///   - timeout: how long it may take: ``timeout``.
    ///   - now: the time of the verdict, by which times that lie ahead are refused.
    public init(
        id: String, key: String? = nil, fields: [String: String], timeout: Duration = .seconds(3_600),
        at now: PolicyTime
    ) {
        let names = fields.keys.sorted()
        self.init(
            record: Record(
                id: id.fromProgram, key: (key ?? id).fromProgram,
                content: .hash(Fields(names: names.map(\.fromProgram), values: names.map { fields[$0]?.fromProgram }))),
            times: TimeReading(), now: now.timestamp, watch: FieldWatch([]), timeout: timeout)
    }

    /// The same with the answer to a question, in the place of Redis.
    public func answering(_ question: PolicyQuestion, with answer: PolicyAnswer) -> PolicyRecord {
        var known = record
        known.answers[question.question] = answer.answer
        return PolicyRecord(record: known, times: times, now: now, watch: watch, timeout: timeout)
    }
}

/// The answer to a ``PolicyQuestion``.
public struct PolicyAnswer: Sendable {
    let answer: Answer

    /// Whether a key exists.
    public static func exists(_ exists: Bool) -> PolicyAnswer { PolicyAnswer(answer: .exists(exists)) }

    /// What is in a field of a hash that is there; nil: nothing.
    public static func field(_ text: String?) -> PolicyAnswer {
        PolicyAnswer(answer: .field(exists: true, value: text?.fromProgram))
    }

    /// A number or a size.
    public static func count(_ count: Int64) -> PolicyAnswer { PolicyAnswer(answer: .count(count)) }

    /// Whether something stands in a set.
    public static func contains(_ contains: Bool) -> PolicyAnswer {
        PolicyAnswer(answer: .standing(contains ? .set : nil))
    }

    /// It can't be told; why, in words.
    public static func unreadable(_ why: String) -> PolicyAnswer { PolicyAnswer(answer: .unreadable(why.fromProgram)) }
}

extension PolicyVerdict {
    /// The change, if it is one.
    public var change: PolicyChange? { if case .change(let change) = kind { change } else { nil } }

    /// What is asked; empty where nothing is.
    public var questions: [PolicyQuestion] {
        if case .ask(let questions) = kind { questions.map(PolicyQuestion.init) } else { [] }
    }

    /// Why the record is left, dropped or changed; nil for a question.
    public var because: String? {
        switch kind {
        case .leave(_, let because, _), .drop(let because, _): because.forProgram
        case .change(let change): change.reason
        case .ask: nil
        }
    }

    /// When a record that is left is looked at again; nil where it stays due, or isn't left.
    public var until: PolicyTime? { if case .leave(let until, _, _) = kind { until.map(PolicyTime.init) } else { nil } }

    /// Whether the record goes out of the index.
    public var isDrop: Bool { if case .drop = kind { true } else { false } }
}

internal import Policies
internal import RedisClient

/// One record under the eyes of one cleanup: what it is, when it is due and what would become of it.
public struct Explanation: Sendable, Codable, Equatable {
    /// The cleanup.
    public var cleanup: String
    /// The record's id and key.
    public var id: String, key: String
    /// The fields that the policy looks at, as they are.
    public var fields: [String: String]
    /// When the index shows it as due: ISO 8601; nil where the index doesn't have it.
    public var indexedAt: String?
    /// What would happen to it now: the action of a change, `leave`, `drop` or `error`.
    public var verdict: String
    /// Why.
    public var reason: String
    /// When it is looked at again: ISO 8601, where that is known.
    public var until: String?
    /// The change that would be made.
    public var change: RunResult.Entry?
    /// What that change does, an effect each, in the order in which they are written.
    public var effects: [String]?

    /// Explains a record.
    ///
    /// Nothing is written, and the record needn't be due.
    package static func make(
        _ store: Store, cleanup: Cleanup, id: String
    ) async throws(CurfewError) -> Explanation {
        do {
            let clock = try await store.serverClock()
            let reader = RecordReader(redis: store.redis, cleanup: cleanup, keys: store.keys)
            let known = try await reader.entry(named: id, at: clock.now)
            let key = try reader.keyed(known).key
            let index = cleanup.indexKey(store.keys)
            let found = try await store.redis.send(RedisCommand("ZSCORE", [index, known.id]))
            let score = found.double.map(cleanup.indexUnit.milliseconds)
            var entry = DueEntry(id: known.id, score: score ?? 0, scoreText: found.string ?? "")
            (entry.place, entry.trouble) = (known.place, known.trouble)
            let judged = try await Evaluator(reader: reader).judge([entry], at: clock.now)
            guard let judged = judged.first else { throw CurfewError(.damaged, "the record was not judged") }
            var explanation = Explanation(
                cleanup: cleanup.name, id: id, key: key, fields: judged.record.readable,
                indexedAt: score.map { Timestamp(score: $0).iso8601 },
                verdict: "", reason: "")
            explanation.describe(judged)
            return explanation
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.usage, "\(error)")
        }
    }

    /// The verdict in words.
    public var verdictWords: String {
        switch verdict {
        case "leave", "drop": "no action"
        default:
            verdict + (change.map { " (\([$0.from, $0.to].filter { !$0.isEmpty }.joined(separator: " → ")))" } ?? "")
        }
    }

    /// The answer where a record can't be read for another reason than its own.
    package static func failed(_ error: CurfewError, cleanup: Cleanup, id: String) -> Explanation {
        Explanation(cleanup: cleanup.name, id: id, key: "", fields: [:], verdict: "error", reason: error.message)
    }

    private mutating func describe(_ judged: Evaluation) {
        switch judged.decision {
        case .leave(let leave):
            verdict = "leave"
            reason = leave.because
            until = leave.until?.iso8601
        case .drop(let because, _):
            verdict = "drop"
            reason = because
        case .malformed(let error):
            verdict = "error"
            reason = error.message
        case .change(let made):
            verdict = made.action.rawValue
            reason = made.reason
            until = made.next?.iso8601
            var counters = RunCounters()
            counters.changed(id, made, isDryRun: true)
            change = counters.records.first
            effects = made.effects.map(\.words).filter { !$0.isEmpty }
        }
    }
}

extension Record {
    /// The fields that are there, by name.
    fileprivate var readable: [String: String] {
        switch content {
        case .missing: [:]
        case .text(let text): [Record.valueField: text]
        case .hash(let fields):
            Dictionary(zip(fields.names, fields.values).compactMap { name, value in value.map { (name, $0) } }) {
                first, _ in first
            }
        }
    }
}

internal import Policies

/// One write or look of a saga, within one slot, beside the changes of the records themselves.
enum SagaStep: Sendable {
    /// Looks whether a guard still holds at a record, or at another key.
    case look(Policies.Guard, at: String)
    /// Makes an effect in another slot than the record's, for the record of that id; what isn't the same if repeated is
    /// made once.
    case effect(Effect, of: String, SagaOnce?)
    /// Makes the part of a change that is in the record's slot; only asked, never made in this way.
    case change(Change, of: Record)
    /// Takes away what shows that something is written once: all is done.
    case clear(SagaOnce)
    /// Lets it expire.
    case expire(SagaOnce, after: Duration)

    /// The key that says which slot it is about.
    var key: String {
        switch self {
        case .look(_, let key): key
        case .effect(let effect, let id, _): effect.key ?? id
        case .change(_, let record): record.key
        case .clear(let once), .expire(let once, _): once.key
        }
    }

    /// Whether it only looks, removes or frees, and so is made also if a node has no memory left.
    var frees: Bool {
        switch self {
        case .look, .clear, .expire: true
        case .effect(let effect, _, let once): effect.frees && once == nil
        case .change: false
        }
    }

    /// Whether two steps differ only in what a statement leaves open.
    func hasForm(of other: SagaStep) -> Bool {
        switch (self, other) {
        case (.look(let one, _), .look(let other, _)): [one].haveForm(of: [other])
        case (.effect(let effect, _, let once), .effect(let other, _, let otherOnce)):
            (once == nil) == (otherOnce == nil) && effect.hasForm(of: other, status: nil, time: "")
        case (.change(let change, let record), .change(let other, let otherRecord)):
            record.isText == otherRecord.isText && change.hasForm(of: other, time: "")
        case (.clear, .clear): true
        case (.expire(_, let time), .expire(_, let other)): time == other
        default: false
        }
    }

    /// Encodes the step.
    func encode(by encoder: ChangeEncoder, to sink: inout some CommitSink) {
        switch self {
        case .look(let item, let key):
            // A guard of another key brings it along.
            encoder.encode([item], status: nil, item.otherKey == nil ? sink.key(key) : .own(0), to: &sink)
        case .effect(let effect, let id, let once?):
            let key = sink.key(once.key)
            sink.begin("HSETNX", key)
            sink.hole(sink.value(once.field))
            sink.constant("made")
            encoder.encode(effect, of: id, to: &sink)
            // If a failover has lost the mark that it belongs to, nothing comes to take it away.
            sink.begin("PEXPIRE", key)
            sink.constant(String(SagaOnce.longest.milliseconds))
        case .effect(let effect, let id, nil):
            if case .restore(let restoration) = effect { encoder.encodeGuards(of: restoration, to: &sink) }
            encoder.encode(effect, of: id, to: &sink)
        case .change(let change, let record): encoder.encode(change, of: record, isPart: true, to: &sink)
        case .clear(let once):
            sink.begin("HDEL", sink.key(once.key))
            sink.hole(sink.value(once.field))
        case .expire(let once, let time):
            sink.begin("PEXPIRE", sink.key(once.key))
            sink.constant(String(time.milliseconds))
        }
    }
}

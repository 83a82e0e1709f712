internal import Policies

/// A change as it is told where Redis only says what would become of it: what may be refused, and no more.
///
/// The record was read a moment ago, so its guards have nothing new to say unless a policy of the program's own has made
/// them, and what would be written into it can't be refused for its values. What is left are the keys beside it, whose types
/// and contents nobody has looked at, and the rights, for which the commands are there without their values. So a preview
/// costs Redis little more than reading.
extension ChangeEncoder {
    func encodeCheck(_ change: Change, of record: Record, isPart: Bool, to sink: inout some CommitSink) {
        let own = sink.key(record.key)
        if let known = record.known { sink.check(known, own, field: .none, value: .none) }
        if !cleanup.policy.guardsWhatWasRead { encode(change.guards, status: change.from, own, to: &sink) }
        let amount = sink.value(String(change.paid))
        let context = EffectContext(
            own: own, id: record.name, key: record.key, to: change.to, amount: amount, isPart: isPart)
        for effect in change.effects {
            switch effect {
            case .write(let write): encodeCheck(write, own, to: &sink)
            case .unlist: continue
            default: encode(effect, context, to: &sink)
            }
        }
        guard !isPart, !change.isClaim else { return }
        sink.begin("XADD", .shared(.events))
        for word in ["*", "run", run] { sink.constant(word) }
    }

    private func encodeCheck(_ write: RecordWrite, _ own: Statement.Key, to sink: inout some CommitSink) {
        guard write.document == nil else {
            sink.begin("SET", own)
            sink.constant("")
            return
        }
        for (command, isWritten) in [("HSET", true), ("HDEL", false)] {
            let fields = write.sets.filter { ($0.value != nil) == isWritten }.map(\.field)
            guard !fields.isEmpty else { continue }
            sink.begin(command, own)
            for field in fields {
                sink.constant(field)
                if isWritten { sink.constant("") }
            }
        }
    }
}

extension Record {
    /// What it was read as, so that its type isn't asked again; nil where nothing was read.
    fileprivate var known: Statement.Guard.Check? {
        if let place, place.body != .key { return nil }
        return switch content {
        case .missing: nil
        case .text: .knownText
        case .hash: document == nil ? .knownHash : .knownText
        }
    }
}

internal import Policies

/// What an effect is encoded for.
struct EffectContext {
    /// The record's key, as the change brings it along.
    let own: Statement.Key
    /// The record's id and key.
    let id: String, key: String
    /// The new status: it is the same in many changes.
    let to: String
    /// The amount that is paid back, which the event names too.
    let amount: Statement.Source
    /// Whether only what is in the record's slot is written.
    let isPart: Bool
    /// The registry that the record stands in.
    var registry: (name: String, key: Statement.Key)?
}

/// The commands of each effect. This is the only place that knows them.
extension ChangeEncoder {
    /// Encodes an effect of a change.
    func encode(_ effect: Effect, _ context: EffectContext, to sink: inout some CommitSink) {
        switch effect {
        case .objects: return
        case .pay(let refund):
            let ledger = sink.key(refund.ledger)
            encodeEntry(refund, ledger, context.amount, to: &sink)
            encodeCredit(refund, context.amount, to: &sink)
        case .write(let write): encode(write, context, to: &sink)
        case .remember(let note):
            if !context.isPart { encode(note, of: context.id, to: &sink) }
        case .put(let push): encodePut(push, of: .member, to: &sink)
        case .take(let taking):
            let known = context.registry.flatMap { $0.name == taking.key ? $0.key : nil }
            encode(taking, of: .member, at: known, to: &sink)
        case .remove: encodeMove(of: context.key, context.own, to: &sink)
        case .unlist(let score):
            if !context.isPart { encodeListed(score, to: &sink) }
        case .relist(let relisting): encode(relisting, of: .member, to: &sink)
        // The event has it.
        case .carry: return
        case .publish(let message):
            sink.begin("PUBLISH", .none)
            sink.hole(sink.value(message.channel))
            sink.hole(sink.value(message.message))
        case .credit, .enter, .store, .erase, .discard, .restore: encode(effect, of: context.id, to: &sink)
        }
    }

    /// Encodes an effect that needs nothing of its record but the id.
    func encode(_ effect: Effect, of id: String, to sink: inout some CommitSink) {
        switch effect {
        case .pay(let refund):
            let ledger = sink.key(refund.ledger)
            let amount = sink.value(String(refund.amount))
            encodeEntry(refund, ledger, amount, to: &sink)
            encodeCredit(refund, amount, to: &sink)
        case .credit(let refund):
            encodeCredit(refund, sink.value(String(refund.amount)), to: &sink)
        case .enter(let refund):
            encodeEntry(refund, sink.key(refund.ledger), sink.value(String(refund.amount)), to: &sink)
        case .store(let text):
            sink.begin("SET", sink.key(text.key))
            sink.hole(sink.value(text.text))
            guard let time = text.keptFor else { return sink.constant("KEEPTTL") }
            sink.constant("PX")
            sink.constant(String(time.milliseconds))
        case .erase(let key): sink.begin("DEL", sink.key(key))
        case .put(let push): encodePut(push, of: sink.value(id), to: &sink)
        case .take(let taking): encode(taking, of: sink.value(id), to: &sink)
        case .discard(let key): encodeMove(of: key, sink.key(key), to: &sink)
        case .restore(let restoration): encode(restoration, to: &sink)
        case .relist(let relisting): encode(relisting, of: sink.value(id), to: &sink)
        case .objects, .write, .remember, .remove, .unlist, .publish, .carry:
            preconditionFailure("\(effect.words) is about the record itself")
        }
    }

    /// The entry of a refund in its ledger comes first, and fails the change if it is there.
    private func encodeEntry(
        _ refund: Refund, _ ledger: Statement.Key, _ amount: Statement.Source, to sink: inout some CommitSink
    ) {
        sink.begin("HSETNX", ledger)
        sink.hole(sink.value(refund.entry))
        sink.hole(amount)
    }

    /// The addition to a balance, whole or decimal: what INCRBY doesn't take, the function adds digit by digit.
    private func encodeCredit(_ refund: Refund, _ amount: Statement.Source, to sink: inout some CommitSink) {
        let balance = sink.key(refund.balance)
        sink.begin(refund.field == nil ? "INCRBY" : "HINCRBY", balance)
        if let field = refund.field { sink.hole(sink.value(field)) }
        sink.hole(amount)
    }

    private func encode(_ write: RecordWrite, _ context: EffectContext, to sink: inout some CommitSink) {
        if let document = write.document {
            sink.begin("SET", context.own)
            sink.hole(sink.value(document))
            sink.constant("KEEPTTL")
            return
        }
        if write.sets.contains(where: { $0.value != nil }) {
            sink.begin("HSET", context.own)
            for set in write.sets {
                guard let value = set.value else { continue }
                sink.constant(set.field)
                // The new status is the same for all changes of the statement, and the time often; most others differ.
                if value == context.to {
                    sink.constant(value)
                } else {
                    sink.hole(value == time ? .time : sink.value(value))
                }
            }
        }
        if write.sets.contains(where: { $0.value == nil }) {
            sink.begin("HDEL", context.own)
            for set in write.sets where set.value == nil { sink.constant(set.field) }
        }
    }

    /// Notes a recovery, unless another was noted since it was read.
    func encode(_ note: RecoveryNote, of id: String, to sink: inout some CommitSink) {
        let key = sink.key(keys.recoveries(cleanup.name, of: id))
        if let before = note.before {
            sink.check(.text, key, field: .none, value: .own(sink.value(before)))
        } else {
            sink.check(.missing, key, field: .none, value: .none)
        }
        sink.begin("SET", key)
        sink.hole(sink.value(note.after))
        sink.constant("PX")
        sink.constant(String(note.keptFor.milliseconds))
    }

    /// Puts something into a key, which goes by itself as the one did that was there before, if this makes it.
    private func encodePut(_ push: Push, of id: Statement.Source, to sink: inout some CommitSink) {
        encode(push, of: id, to: &sink)
        guard let expires = push.expires else { return }
        sink.begin("REEXPIRE", sink.key(push.key))
        sink.hole(sink.value(String(expires)))
    }

    /// Puts a record's id, or something else, into a key, in the way of its kind.
    func encode(_ push: Push, of id: Statement.Source, to sink: inout some CommitSink) {
        let key = sink.key(push.key)
        if let pending = push.pending { return encodeDelivery(of: push, pending, key, to: &sink) }
        switch push.kind ?? .list {
        case .list where push.behind != nil:
            sink.begin("REINSERT", key)
            sink.hole(sink.value(push.behind ?? ""))
        case .list: sink.begin(push.isAtHead ? "LPUSH" : "RPUSH", key)
        case .set: sink.begin("SADD", key)
        case .zset:
            sink.begin("ZADD", key)
            sink.hole(sink.value(push.score ?? "0"))
        case .stream:
            sink.begin("XADD", key)
            sink.constant("*")
            if case .fields(let fields, _) = push.content { return encode(fields, to: &sink) }
            sink.constant("id")
        case .hash:
            sink.begin("HSET", key)
            if case .fields(let fields, _) = push.content, push.field == nil { return encode(fields, to: &sink) }
            sink.hole(push.field.map { sink.value($0) } ?? id)
        case .text: sink.begin("SET", key)
        }
        switch push.content {
        case .id: sink.hole(id)
        case .text(let text), .fields(_, let text): sink.hole(sink.value(text))
        }
        if push.kind == .text, let time = push.keptFor {
            sink.constant("PX")
            sink.constant(String(time.milliseconds))
        }
    }

    /// An entry of a stream that was acknowledged is made pending again.
    private func encodeDelivery(
        of push: Push, _ pending: Seat.Pending, _ key: Statement.Key, to sink: inout some CommitSink
    ) {
        guard case .text(let entry) = push.content else { return }
        sink.begin("XCLAIM", key)
        for word in [pending.group, pending.consumer, "0", entry] { sink.hole(sink.value(word)) }
        for word in ["RETRYCOUNT"] { sink.constant(word) }
        sink.hole(sink.value(pending.deliveries))
        for word in ["FORCE", "JUSTID"] { sink.constant(word) }
    }

    private func encode(_ fields: [FieldWrite], to sink: inout some CommitSink) {
        for field in fields {
            sink.constant(field.field)
            sink.hole(sink.value(field.value ?? ""))
        }
    }

    private func encode(
        _ taking: Taking, of id: Statement.Source, at known: Statement.Key? = nil, to sink: inout some CommitSink
    ) {
        let key = known ?? sink.key(taking.key)
        let member = taking.member.map { sink.value($0) } ?? id
        switch taking.kind {
        case .list:
            sink.begin("LREM", key)
            // From the end that it is near.
            sink.constant(taking.end == .head ? "1" : "-1")
        case .zset: sink.begin("ZREM", key)
        case .set: sink.begin("SREM", key)
        case .hash:
            sink.begin("HDEL", key)
            return sink.hole(taking.field.map { sink.value($0) } ?? id)
        case .stream:
            guard let pending = taking.pending else {
                sink.begin(taking.isAdded ? "UNADD" : "XDEL", key)
                break
            }
            sink.begin("XACK", key)
            sink.hole(sink.value(pending.group))
        case .text: return sink.begin("DEL", key)
        }
        sink.hole(member)
    }

    private func encode(_ relisting: Relisting, of id: Statement.Source, to sink: inout some CommitSink) {
        sink.begin("ZADD", sink.key(relisting.index))
        sink.constant(relisting.rule.rawValue)
        sink.hole(sink.value(relisting.score))
        sink.hole(id)
    }

    /// Removal is a move: the record waits under another name in the same slot until it expires.
    func encodeMove(of key: String, _ own: Statement.Key, to sink: inout some CommitSink) {
        guard cleanup.keepsTrash else { return sink.begin("DEL", own) }
        let trash = sink.key(Keys.trash(of: key, run: run))
        sink.begin("TRASH", own)
        sink.hole(trash.source)
        sink.constant(String(cleanup.undo.milliseconds))
    }

    private func encode(_ restoration: Restoration, to sink: inout some CommitSink) {
        let trash = sink.key(Keys.trash(of: restoration.key, run: restoration.run))
        let key = sink.key(restoration.key)
        sink.begin("RENAME", trash)
        sink.hole(key.source)
        if let expires = restoration.expires {
            sink.begin("PEXPIREAT", key)
            sink.hole(sink.value(expires))
            sink.begin("DEL", sink.key(Keys.trash(of: restoration.key, run: restoration.run) + ":expires"))
        } else {
            sink.begin("PERSIST", key)
        }
    }

    /// It is in the trash, and nothing is in its place: repeated, nothing is to do.
    func encodeGuards(of restoration: Restoration, to sink: inout some CommitSink) {
        let trash = Keys.trash(of: restoration.key, run: restoration.run)
        sink.check(.exists, sink.key(trash), field: .none, value: .none)
        sink.check(.missing, sink.key(restoration.key), field: .none, value: .none)
    }

    /// The index entry has not moved since it was read.
    func encodeListed(_ score: String, to sink: inout some CommitSink) {
        sink.check(.score, .shared(.index), field: .own(.member), value: .own(sink.value(score)))
    }
}

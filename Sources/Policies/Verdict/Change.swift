/// Everything that is to be done to one record: guards, effects and a reason, carried out by the engine in one commit.
///
/// What it takes beside these (commands, keys, rights, the parts of a cluster commit, undo, what a preview says) follows
/// from its effects.
package struct Change: Sendable, Equatable {
    /// What the change amounts to.
    package enum Action: String, Sendable, CaseIterable {
        /// Given up: to the failed state.
        case fail
        /// Given another try: back to where work is taken from.
        case retry
        /// Found finished, though never marked so.
        case complete
        /// Counters put right, the state kept.
        case recount
        /// A lock removed.
        case release
        /// Abandoned: to the cancelled state.
        case cancel
        /// Marked as stale.
        case mark
        /// Its owner warned.
        case warn
        /// Sent back to an earlier state.
        case reset
        /// The record removed.
        case remove
        /// An object deleted from storage, and its record.
        case delete
        /// An entry taken out of the application's index, because its record is missing.
        case drop
        /// A change of an earlier run taken back.
        case undo
    }

    /// What it amounts to.
    package var action: Action
    /// The status before; empty where records have none.
    package var from: String
    /// The status after; empty where records have none.
    package var to: String
    /// Why, in words that go into the audit trail and, on a failure, onto the record.
    package var reason: String
    /// The record's type, where timeouts go by type, else empty.
    package var type: String
    /// How old it was.
    package var age: Duration
    /// How old it may become.
    package var timeout: Duration
    /// What must still be so; never empty.
    package var guards: [Guard]
    /// What it does, in the order in which it is done.
    package private(set) var effects: [Effect]
    /// What is asked of the effects again and again.
    private var summary: Summary
    /// By how much counters were off, in total.
    package var drift: Int64
    /// When to look at the record again; nil takes it out of the index.
    package var next: Timestamp?

    /// What is asked of the effects again and again: looked up once, since a change is asked ten times or more.
    private struct Summary: Equatable {
        var pays = false
        var amount: Amount = 0
        var removesRecord = false
        var deletesObjects = false
        var relists = false

        init(_ effects: [Effect]) {
            for index in effects.indices {
                switch effects[index] {
                case .pay(let refund): (pays, amount) = (true, refund.amount)
                case .remove: removesRecord = true
                case .objects: deletesObjects = true
                case .relist: relists = true
                default: continue
                }
            }
        }
    }

    /// Makes a change; its effects are brought into their order.
    package init(
        action: Action, from: String, to: String, reason: String, type: String = "", age: Duration,
        timeout: Duration, guards: [Guard], effects: [Effect], drift: Int64 = 0, next: Timestamp? = nil
    ) {
        // An index entry that gives way to any other guards itself.
        precondition(
            !guards.isEmpty || effects.allSatisfy { if case .relist = $0 { true } else { false } },
            "a change without guards could overwrite anything")
        let effects = Self.ordered(effects)
        self.action = action
        self.from = from
        self.to = to
        self.reason = reason
        self.type = type
        self.age = age
        self.timeout = timeout
        self.guards = guards
        self.effects = effects
        summary = Summary(effects)
        self.drift = drift
        self.next = next
    }

    /// The effects in the order in which they are carried out; those of one place stay as they are.
    private static func ordered(_ effects: [Effect]) -> [Effect] {
        var last = 0
        for index in effects.indices {
            let order = effects[index].order
            guard order >= last else {
                return effects.enumerated().sorted { ($0.1.order, $0.0) < ($1.1.order, $1.0) }.map(\.1)
            }
            last = order
        }
        return effects
    }

    /// The same with other effects.
    private func with(_ effects: [Effect]) -> Change {
        var change = self
        change.effects = Self.ordered(effects)
        change.summary = Summary(change.effects)
        return change
    }
}

extension Change {
    /// Whether work was still going on, which is counted as stalled.
    package var isStalled: Bool { action == .recount }

    /// Whether something is paid back.
    package var pays: Bool { summary.pays }

    /// How much is paid back; below zero if an undo takes it again.
    package var paid: Amount { summary.amount }

    /// Whether its index entry is listed anew by an effect.
    package var relists: Bool { summary.relists }

    /// Whether objects are deleted before the record goes.
    package var deletesObjects: Bool { summary.deletesObjects }

    /// What is paid back, if anything.
    package var refund: Refund? {
        guard pays else { return nil }
        for case .pay(let refund) in effects { return refund }
        return nil
    }

    /// What is written into the record, if anything.
    package var write: RecordWrite? {
        for case .write(let write) in effects { return write }
        return nil
    }

    /// Whether the record itself goes.
    package var removesRecord: Bool { summary.removesRecord }

    /// The objects that are deleted before the record goes, if any.
    package var objects: ObjectDeletion? {
        guard deletesObjects else { return nil }
        for case .objects(let objects) in effects { return objects }
        return nil
    }

    /// The same with each effect replaced; nil leaves one out.
    package func mapEffects<Failure>(_ body: (Effect) throws(Failure) -> Effect?) throws(Failure) -> Change {
        var effects: [Effect] = []
        effects.reserveCapacity(self.effects.count)
        for effect in self.effects {
            if let effect = try body(effect) { effects.append(effect) }
        }
        return with(effects)
    }

    /// The same with one more effect.
    package func adding(_ effect: Effect) -> Change {
        with(effects + [effect])
    }
}

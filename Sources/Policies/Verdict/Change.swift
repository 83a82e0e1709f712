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

    /// What a change says.
    private struct Content: Sendable, Equatable {
        var action: Action
        var from: String, to: String
        var reason: String
        var type: String
        var age: Duration, timeout: Duration
        var guards: [Guard]
        var effects: [Effect]
        var summary: Summary
        var drift: Int64
        var next: Timestamp?
    }

    /// Holds it in one place: a change is handed on from step to step, and a copy is one reference and not ten.
    private final class Box: Sendable {
        let content: Content

        init(_ content: Content) { self.content = content }
    }

    private var box: Box

    private mutating func update(_ body: (inout Content) -> Void) {
        var content = box.content
        body(&content)
        box = Box(content)
    }

    /// What it amounts to.
    package var action: Action {
        get { box.content.action }
        set { update { $0.action = newValue } }
    }
    /// The status before; empty where records have none.
    package var from: String {
        get { box.content.from }
        set { update { $0.from = newValue } }
    }
    /// The status after; empty where records have none.
    package var to: String {
        get { box.content.to }
        set { update { $0.to = newValue } }
    }
    /// Why, in words that go into the audit trail and, on a failure, onto the record.
    package var reason: String {
        get { box.content.reason }
        set { update { $0.reason = newValue } }
    }
    /// The record's type, where timeouts go by type, else empty.
    package var type: String {
        get { box.content.type }
        set { update { $0.type = newValue } }
    }
    /// How old it was.
    package var age: Duration {
        get { box.content.age }
        set { update { $0.age = newValue } }
    }
    /// How old it may become.
    package var timeout: Duration {
        get { box.content.timeout }
        set { update { $0.timeout = newValue } }
    }
    /// What must still be so; never empty.
    package var guards: [Guard] {
        get { box.content.guards }
        set { update { $0.guards = newValue } }
    }
    /// By how much counters were off, in total.
    package var drift: Int64 {
        get { box.content.drift }
        set { update { $0.drift = newValue } }
    }
    /// When to look at the record again; nil takes it out of the index.
    package var next: Timestamp? {
        get { box.content.next }
        set { update { $0.next = newValue } }
    }
    /// What it does, in the order in which it is done.
    package var effects: [Effect] { box.content.effects }

    /// What is asked of the effects again and again: looked up once, since a change is asked ten times or more.
    private struct Summary: Sendable, Equatable {
        var pays = false
        var amount: Amount = 0
        var removesRecord = false
        var deletesObjects = false
        var relists = false
        var puts = false

        init(_ effects: [Effect]) {
            for index in effects.indices {
                switch effects[index] {
                case .pay(let refund): (pays, amount) = (true, refund.amount)
                case .remove: removesRecord = true
                case .objects: deletesObjects = true
                case .relist: relists = true
                case .put: puts = true
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
        box = Box(
            Content(
                action: action, from: from, to: to, reason: reason, type: type, age: age, timeout: timeout,
                guards: guards, effects: effects, summary: Summary(effects), drift: drift, next: next))
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
        change.update {
            $0.effects = Self.ordered(effects)
            $0.summary = Summary($0.effects)
        }
        return change
    }

    /// Whether two changes say the same.
    package static func == (one: Change, other: Change) -> Bool {
        one.box === other.box || one.box.content == other.box.content
    }
}

extension Change {
    /// Whether work was still going on, which is counted as stalled.
    package var isStalled: Bool { action == .recount }

    /// Whether something is paid back.
    package var pays: Bool { box.content.summary.pays }

    /// How much is paid back; below zero if an undo takes it again.
    package var paid: Amount { box.content.summary.amount }

    /// Whether its index entry is listed anew by an effect.
    package var relists: Bool { box.content.summary.relists }

    /// Whether something is put into keys beside the record.
    package var puts: Bool { box.content.summary.puts }

    /// Whether objects are deleted before the record goes.
    package var deletesObjects: Bool { box.content.summary.deletesObjects }

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
    package var removesRecord: Bool { box.content.summary.removesRecord }

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

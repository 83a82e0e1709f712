/// Everything that is to be done to one record: a pure value, carried out by the engine in one commit.
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
    /// The fields to be written.
    package var sets: [FieldWrite]
    /// The score of its index entry, where the change is about that entry: it must still be so.
    package var listed: String?
    /// The whole text of the record with ``sets`` written, where it is kept as JSON; nil where it isn't.
    package var document: String?
    /// What the written places of ``document`` held, as JSON, where ``before`` alone would not put it back as it was.
    package var originals: [FieldWrite] = []
    /// Whether the record itself goes.
    package var removesRecord: Bool
    /// Keys that go with the record, where they are there.
    package var also: [String]
    /// The keys of the objects in storage that are deleted before the record goes.
    package var objects: [String]
    /// How much storage that frees.
    package var bytes: Int64
    /// Where the id is pushed, if anywhere.
    package var push: Push?
    /// What is paid back, if anything.
    package var refund: Refund?
    /// What Curfew notes of the record in a key of its own, if anything.
    package var note: RecoveryNote?
    /// What the fields in ``sets`` held, and the status: writing it back undoes the change.
    ///
    /// For a plain string that is removed, its text under ``Record/valueField``.
    package var before: [FieldWrite]
    /// By how much counters were off, in total.
    package var drift: Int64
    /// Whether work was still going on, which is counted as stalled.
    package var isStalled: Bool
    /// When to look at the record again; nil takes it out of the index.
    package var next: Timestamp?
}

extension Change {
    /// Makes a change that does nothing to the record but what the later arguments say.
    package init(
        action: Action, from: String, to: String, reason: String, type: String = "", age: Duration,
        timeout: Duration, guards: [Guard], sets: [FieldWrite] = [], removesRecord: Bool = false,
        also: [String] = [], objects: [String] = [], bytes: Int64 = 0, push: Push? = nil,
        refund: Refund? = nil, before: [FieldWrite] = [], drift: Int64 = 0, isStalled: Bool = false,
        next: Timestamp? = nil
    ) {
        precondition(!guards.isEmpty, "a change without guards could overwrite anything")
        // All at once: one property after the other, the change would be copied when the last is there.
        self.init(
            action: action, from: from, to: to, reason: reason, type: type, age: age, timeout: timeout, guards: guards,
            sets: sets, listed: nil, document: nil, originals: [], removesRecord: removesRecord, also: also,
            objects: objects,
            bytes: bytes, push: push, refund: refund, note: nil, before: before, drift: drift, isStalled: isStalled,
            next: next)
    }
}

/// A field and what is, or was, in it.
package struct FieldWrite: Sendable, Equatable {
    /// The name of the field.
    package var field: String
    /// Its value; nil where it is, or was, absent.
    package var value: String?

    /// Makes a write of the value, or a removal of the field.
    package init(field: String, value: String?) {
        self.field = field
        self.value = value
    }
}

/// A queue that the record's id is put on, so that the app works on it again.
package struct Push: Sendable, Equatable {
    /// What a queue is.
    package enum Kind: String, Sendable, CaseIterable {
        case list, zset, stream
    }

    /// The key of the queue.
    package var key: String
    /// What it is; nil where that is left to what is found there.
    package var kind: Kind?
    /// The score in a sorted set.
    package var score: String?
    /// Whether the id goes to the head of a list.
    package var isAtHead: Bool

    /// Makes it.
    package init(key: String, kind: Kind? = nil, score: String? = nil, isAtHead: Bool = false) {
        self.key = key
        self.kind = kind
        self.score = score
        self.isAtHead = isAtHead
    }
}

/// The recoveries of a record, as Curfew keeps them apart from the record.
package struct RecoveryNote: Sendable, Equatable {
    /// The text as it was read; nil where there was none.
    package var before: String?
    /// The text as it is to be.
    package var after: String
    /// How long it counts.
    package var keptFor: Duration

    /// Makes it.
    package init(before: String?, after: String, keptFor: Duration) {
        self.before = before
        self.after = after
        self.keptFor = keptFor
    }
}

/// An amount that is paid back, once.
package struct Refund: Sendable, Equatable {
    /// How much; above zero.
    package var amount: Int64
    /// The key of the balance that it is added to.
    package var balance: String
    /// The key that keeps account of the refunds already paid.
    package var ledger: String
    /// What names the charge in the ledger: a refund whose entry is there already isn't paid again.
    package var entry: String

    /// Makes it.
    package init(amount: Int64, balance: String, ledger: String, entry: String) {
        self.amount = amount
        self.balance = balance
        self.ledger = ledger
        self.entry = entry
    }
}

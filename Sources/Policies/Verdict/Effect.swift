/// One thing that a change does.
///
/// A policy lists the effects of a change; the engine carries them out without knowing which policy listed them. From
/// an effect alone follow its key and the type that must be there, the commands, the inverse that an undo makes, the part
/// of a cluster commit that it belongs to, and its words for people. An effect that adds, pays or pushes isn't the same
/// if it is repeated (``isRepeatable``): a cluster commit writes it once, beside a mark.
///
/// Effects are carried out in the order of ``order``: what may be refused for what it finds comes first, when nothing is
/// written yet; the record follows, then other keys, then the index.
package enum Effect: Sendable, Equatable {
    /// Objects are deleted from storage before the record goes.
    case objects(ObjectDeletion)
    /// An amount is paid back: an entry in the ledger, and an addition to the balance.
    indirect case pay(Refund)
    /// The balance alone, if the ledger is in another slot of a cluster.
    indirect case credit(Refund)
    /// The ledger alone, if the balance is in another slot of a cluster.
    indirect case enter(Refund)
    /// Fields of the record are written.
    indirect case write(RecordWrite)
    /// A recovery is noted in a key of Curfew's own.
    case remember(RecoveryNote)
    /// A text is written to a key.
    case store(StoredText)
    /// A key is deleted for good; Curfew's own keys only.
    case erase(String)
    /// The record's id is put on a queue, or something else into a key beside the record.
    indirect case put(Push)
    /// It is taken out again: the inverse of ``put(_:)``.
    indirect case take(Taking)
    /// The record moves to the trash, and this is what it was like.
    case remove(image: [FieldWrite])
    /// A key beside the record moves to the trash.
    case discard(String)
    /// A key comes back from the trash: the inverse of ``remove(image:)`` and ``discard(_:)``.
    case restore(Restoration)
    /// The index entry of a missing record goes, if it still has this score.
    case unlist(score: String)
    /// The record is listed in an index again: the inverse of ``unlist(score:)`` and of every change that ends one.
    case relist(Relisting)
    /// A message is published, with the change.
    case publish(Publication)
    /// Fields of the record are copied into the event.
    case carry([FieldWrite])

    /// The place among the effects of a change: lower comes first.
    package var order: Int {
        switch self {
        case .objects: 0
        case .pay, .credit, .enter: 1
        case .write: 2
        case .remember, .store, .erase: 3
        // What is taken out of a registry may be put into the same one again.
        case .take: 4
        case .put: 5
        case .remove, .discard, .restore: 6
        case .publish: 7
        case .unlist, .relist: 8
        case .carry: 9
        }
    }

    /// The key that it writes to, if that isn't the record's or Curfew's own.
    package var key: String? {
        switch self {
        case .objects, .write, .remember, .remove, .unlist, .publish, .carry: nil
        case .pay(let refund), .enter(let refund): refund.ledger
        case .credit(let refund): refund.balance
        case .store(let text): text.key
        case .erase(let key), .discard(let key): key
        case .put(let push): push.key
        case .take(let taking): taking.key
        case .restore(let restoration): restoration.key
        case .relist(let relisting): relisting.index
        }
    }

    /// Whether carrying it out twice leaves the same as once.
    package var isRepeatable: Bool {
        switch self {
        case .credit, .put, .take, .publish: false
        case .objects, .pay, .enter, .write, .remember, .store, .erase, .remove, .discard, .restore, .unlist, .relist,
            .carry:
            true
        }
    }

    /// Whether it needs no memory to speak of, so that it goes through if Redis has none left.
    package var frees: Bool {
        switch self {
        case .objects, .erase, .take, .remove, .discard, .unlist, .carry: true
        case .pay, .credit, .enter, .write, .remember, .store, .put, .publish, .restore, .relist: false
        }
    }

    /// What it does, in words.
    package var words: String {
        switch self {
        case .objects(let deletion):
            "delete \(deletion.keys.joined(separator: ", ")) from storage \(deletion.storage)"
        case .pay(let refund): "add \(refund.amount) to \(refund.place), entered in \(refund.ledger)"
        case .credit(let refund): "add \(refund.amount) to \(refund.place)"
        case .enter(let refund): "enter \(refund.amount) in \(refund.ledger)"
        case .write(let write):
            write.sets.map { set in
                set.value.map { "set \(set.field) to “\($0)”" } ?? "remove \(set.field)"
            }.joined(separator: ", ")
        case .remember: "note the recovery"
        case .store(let text): "write \(text.key)"
        case .erase(let key): "delete \(key)"
        case .put(let push): push.words
        case .take(let taking):
            taking.member == nil ? "take it off \(taking.key)" : "take \(taking.shown) out of \(taking.key)"
        case .remove: "move it to the trash"
        case .discard(let key): "move \(key) to the trash"
        case .restore(let restoration): "move \(restoration.key) back from the trash"
        case .unlist: "take it out of the index"
        case .relist(let relisting): "list it in \(relisting.index)"
        case .publish(let message): "publish to \(message.channel)"
        case .carry(let fields): "copy \(fields.map(\.field).joined(separator: ", ")) into the event"
        }
    }
}

extension Push {
    /// What it does, in words.
    fileprivate var words: String {
        switch content {
        case .id: "put it on \(key)"
        case .text(let text): "put “\(text.shortened(to: 80))” into \(key)"
        case .fields: "add an entry to \(key)"
        }
    }
}

extension Taking {
    /// What is taken, for people.
    fileprivate var shown: String { "“\((field ?? member ?? "").shortened(to: 80))”" }
}

/// A message for whoever listens to a channel.
package struct Publication: Sendable, Equatable {
    /// The channel.
    package var channel: String
    /// The message.
    package var message: String

    /// Makes it.
    package init(channel: String, message: String) {
        (self.channel, self.message) = (channel, message)
    }
}

/// Objects in storage that are deleted before their record.
package struct ObjectDeletion: Sendable, Equatable {
    /// The name of the storage in the configuration.
    package var storage: String
    /// Their keys; never empty.
    package var keys: [String]
    /// How many bytes that frees.
    package var bytes: Int64

    /// Makes it.
    package init(storage: String, keys: [String], bytes: Int64) {
        self.storage = storage
        self.keys = keys
        self.bytes = bytes
    }
}

/// Fields that are written, and what they held: enough to write it and to undo it.
package struct RecordWrite: Sendable, Equatable {
    /// The fields with what is written.
    package var sets: [FieldWrite]
    /// What they held; it may show more fields than are written.
    package var before: [FieldWrite]
    /// The whole text of the record with ``sets`` written, if it is kept as JSON.
    package var document: String?
    /// What the written places of ``document`` held, as JSON, if ``before`` alone would not put it back as it was.
    package var originals: [FieldWrite]
    /// The whole text of the record as it was, if nothing less would put it back byte for byte.
    package var original: String?

    /// Makes it.
    package init(
        _ sets: [FieldWrite], before: [FieldWrite], document: String? = nil, originals: [FieldWrite] = []
    ) {
        self.sets = sets
        self.before = before
        self.document = document
        self.originals = originals
    }
}

/// A field and what is, or was, in it.
package struct FieldWrite: Sendable, Equatable {
    /// The name of the field.
    package var field: String
    /// Its value; nil if it is, or was, absent.
    package var value: String?

    /// Makes a write of the value, or a removal of the field.
    package init(field: String, value: String?) {
        self.field = field
        self.value = value
    }
}

/// The recoveries of a record, as Curfew keeps them apart from the record.
package struct RecoveryNote: Sendable, Equatable {
    /// The text as it was read; nil if there was none.
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

/// A text that is written to a key.
package struct StoredText: Sendable, Equatable {
    /// The key.
    package var key: String
    /// The text.
    package var text: String
    /// How long it is kept; nil leaves the time that the key has.
    package var keptFor: Duration?

    /// Makes it.
    package init(key: String, text: String, keptFor: Duration?) {
        self.key = key
        self.text = text
        self.keptFor = keptFor
    }
}

/// An amount that is paid back, once; below zero if an undo takes it again.
package struct Refund: Sendable, Equatable {
    /// How much.
    package var amount: Amount
    /// The key of the balance that it is added to.
    package var balance: String
    /// The field of the hash at that key that it is added to; nil: the key holds the number itself.
    package var field: String?
    /// The key that keeps account of the refunds already paid.
    package var ledger: String
    /// What names the charge in the ledger: a refund whose entry is there already isn't paid again.
    package var entry: String

    /// Makes it.
    package init(amount: Amount, balance: String, field: String? = nil, ledger: String, entry: String) {
        self.amount = amount
        self.balance = balance
        self.field = field
        self.ledger = ledger
        self.entry = entry
    }

    /// Where the balance is, in words.
    package var place: String { field.map { "\($0) of \(balance)" } ?? balance }
}

/// A key that comes back from the trash of a run.
package struct Restoration: Sendable, Equatable {
    /// The key.
    package var key: String
    /// The run that moved it there.
    package var run: String
    /// When it would have expired by itself, in Unix milliseconds; nil if never.
    package var expires: String?

    /// Makes it.
    package init(key: String, run: String, expires: String?) {
        self.key = key
        self.run = run
        self.expires = expires
    }
}

/// An index entry that is put back.
package struct Relisting: Sendable, Equatable {
    /// Which entry of the index it gives way to.
    package enum Rule: String, Sendable {
        /// To none that is there.
        case ifAbsent = "NX"
        /// To one that is earlier.
        case ifEarlier = "LT"
    }

    /// The key of the index.
    package var index: String
    /// The score.
    package var score: String
    /// Which entry it gives way to.
    package var rule: Rule

    /// Makes it.
    package init(index: String, score: String, rule: Rule) {
        self.index = index
        self.score = score
        self.rule = rule
    }
}

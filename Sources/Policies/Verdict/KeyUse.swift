/// A key beside the record that a policy looks at or writes to, and what is done there.
///
/// What a cluster can do in one step, which rights a user needs, and which keys aren't records follow from these, before
/// anything is connected to.
package struct KeyUse: Sendable, Equatable {
    /// What the key is to the record.
    package struct Role: RawRepresentable, Hashable, Sendable {
        /// The account of refunds.
        package static let ledger = Role(rawValue: "ledger")
        /// The balance that a refund is added to.
        package static let balance = Role(rawValue: "balance")
        /// The queue that an id is put on.
        package static let queue = Role(rawValue: "queue")
        /// Where the application keeps its history of refunds.
        package static let refundRecord = Role(rawValue: "refund record")
        /// A list, set, sorted set, hash or stream in which records stand, or into which they are put.
        package static let registry = Role(rawValue: "registry")
        /// A channel that messages are published to.
        package static let channel = Role(rawValue: "channel")
        /// A key that goes with a removed record.
        package static let companion = Role(rawValue: "also")
        /// The key that exists while somebody works on the record.
        package static let alive = Role(rawValue: "alive")
        /// What the record waits for.
        package static let parent = Role(rawValue: "parent")
        /// How many use the objects of the record.
        package static let refs = Role(rawValue: "refs")
        /// The ids of the record's tasks.
        package static let members = Role(rawValue: "members")
        /// The record of a task.
        package static let member = Role(rawValue: "member")

        /// Its word, as `config check` prints it.
        package let rawValue: String

        /// Makes it.
        package init(rawValue: String) {
            self.rawValue = rawValue
        }
    }

    /// What the key is to the record.
    package let role: Role
    /// The key, with fields of the record.
    package let template: KeyTemplate
    /// The commands that are used on it, each as its name and the arguments behind the key.
    package let commands: [[String]]
    /// Whether a change is guarded by it: it is looked at once more just before the change is made.
    package let isGuard: Bool

    /// Whether something is put there, so that it matters what kind of key it is.
    package var isQueue: Bool { [.queue, .refundRecord, .registry].contains(role) }

    /// Makes it.
    package init(_ role: Role, _ template: KeyTemplate, _ commands: [[String]], isGuard: Bool = false) {
        self.role = role
        self.template = template
        self.commands = commands
        self.isGuard = isGuard
    }
}

/// How the records of a policy are read, and how gently they are changed.
package struct RecordManner: Sendable, Equatable {
    /// Whether records may be plain strings beside hashes, as locks are.
    package var takesText = false
    /// Whether a hash is read with all of its fields, to see whether it changed.
    package var readsWholeHash = false
    /// Whether Curfew notes when it first saw a value, because records don't say how old they are.
    package var notesFirstSeen = false
    /// Whether changes are heavy and can wait: they are made in smaller pages, so that nobody notices.
    package var isGentle = false

    /// Makes it.
    package init(
        takesText: Bool = false, readsWholeHash: Bool = false, notesFirstSeen: Bool = false, isGentle: Bool = false
    ) {
        self.takesText = takesText
        self.readsWholeHash = readsWholeHash
        self.notesFirstSeen = notesFirstSeen
        self.isGentle = isGentle
    }
}

package import Policies
internal import RedisClient

/// One entry of the events: what was done to a record, or by somebody to a cleanup, and why.
///
/// Whoever writes or reads one does it by way of this type, so that a field is added in one place: the writers that go
/// field by field, for speed, do so over ``Field`` and don't compile while one of them has no value for it.
package struct Event: Sendable, Equatable {
    /// The fields of an entry, in the order in which they are written.
    package enum Field: String, Sendable, CaseIterable {
        /// Where it belongs, and what it is about.
        case run, cleanup, record, key
        /// What was done and why.
        case action, from, to, reason, type
        /// What was paid back, and what was freed.
        case tokens, bytes
        /// What was there before.
        case before
        /// When.
        case time = "at_ms"
        /// What the cleanup copies from its records; only where it copies something.
        case carry
        /// The ids of entries that were added to streams; only where there are some.
        case entries
    }

    /// The run that did it; empty where somebody did it outside of one.
    package var run = ""
    /// The cleanup.
    package var cleanup = ""
    /// The record's id; empty where it is about the cleanup.
    package var record = ""
    /// The record's key.
    package var key = ""
    /// What was done.
    package var action = ""
    /// The status before, and the one written.
    package var from = "", to = ""
    /// Why, in a sentence.
    package var reason = ""
    /// What kind of record the application calls it.
    package var type = ""
    /// What was paid back; below zero where an undo took it again.
    package var tokens: Amount = 0
    /// How many bytes of storage were freed.
    package var bytes: Int64 = 0
    /// What was there before: a ``BeforeImage`` as text.
    package var before = "{}"
    /// When, in Unix milliseconds of Redis's clock; as it is written.
    package var time = ""
    /// The fields of the record that are copied, as a JSON object; empty if none are.
    package var carry = ""
    /// The ids of entries that were added to streams of the application, separated by spaces; empty if there are none.
    package var entries = ""

    /// A field as it is written.
    package subscript(_ field: Field) -> String {
        get {
            switch field {
            case .run: run
            case .cleanup: cleanup
            case .record: record
            case .key: key
            case .action: action
            case .from: from
            case .to: to
            case .reason: reason
            case .type: type
            case .tokens: String(tokens)
            case .bytes: String(bytes)
            case .before: before
            case .time: time
            case .carry: carry
            case .entries: entries
            }
        }
        set {
            switch field {
            case .run: run = newValue
            case .cleanup: cleanup = newValue
            case .record: record = newValue
            case .key: key = newValue
            case .action: action = newValue
            case .from: from = newValue
            case .to: to = newValue
            case .reason: reason = newValue
            case .type: type = newValue
            case .tokens: tokens = Amount(text: newValue) ?? 0
            case .bytes: bytes = Int64(newValue) ?? 0
            case .before: before = newValue
            case .time: time = newValue
            case .carry: carry = newValue
            case .entries: entries = newValue
            }
        }
    }

    /// Names and values, in the order in which they are written.
    var fields: [(name: String, value: String)] {
        Field.allCases.filter { ![.carry, .entries].contains($0) || !self[$0].isEmpty }.map { ($0.rawValue, self[$0]) }
    }

    /// The same without run and time, which are Redis's to say where a run begins with its event.
    var fieldsOfClaim: [(name: String, value: String)] {
        Field.allCases.filter { ![.run, .time, .carry, .entries].contains($0) }.map { ($0.rawValue, self[$0]) }
    }
}

extension Event {
    /// Every action that an event can tell of, a record's and a person's.
    package static let actions =
        Change.Action.allCases.map(\.rawValue) + [Change.errorAction]
        + OperatorAction.names.filter { Change.Action(rawValue: $0) == nil }

    /// Reads an entry of the stream: what is absent is empty, what is no number is 0.
    package init(_ entry: StreamEntry) {
        self.init()
        before = ""
        for (name, value) in entry.fields {
            if let field = Field(rawValue: name) { self[field] = value }
        }
    }
}

/// How events are kept: in which stream, and about how many.
struct Journal: Sendable {
    /// The stream.
    let stream: String
    /// About how many events stay; nil trims nothing.
    let length: Int?

    /// The journal of this configuration.
    init(_ keys: Keys, _ streams: Configuration.Streams) {
        self.init(stream: keys.events, length: streams.length)
    }

    /// A journal with another length, or none.
    init(stream: String, length: Int?) {
        self.stream = stream
        self.length = length
    }

    /// The same without an end: an undo must not push the events out that it goes by.
    var untrimmed: Journal { Journal(stream: stream, length: nil) }

    /// What `XADD` is given between the key and the fields.
    var words: [String] { (length.map { ["MAXLEN", "~", String($0)] } ?? []) + ["*"] }

    /// The command that writes an event.
    func command(_ event: Event) -> RedisCommand {
        RedisCommand("XADD", [stream] + words + event.fields.flatMap { [$0.name, $0.value] })
    }
}

/// A change given as plain checks and commands, for what isn't done a hundred thousand times a second.
///
/// ``ChangeEncoder`` knows beforehand what is the same for many changes; here changes whose statements turn out equal share
/// one.
struct PlainChange: Sendable, Codable {
    /// A key of the change, or one that all changes of the call share.
    enum Key: Sendable, Equatable, Codable {
        case own(String)
        case shared(Statement.SharedKey)
    }

    /// A word of a command after its name and key.
    enum Argument: Sendable, Equatable, Codable {
        /// The same in many changes.
        case constant(String)
        /// This change's own.
        case value(String)
        /// The name of one of its keys.
        case key(String)
    }

    /// Something that must still be so, and what is said where it isn't.
    struct Check: Sendable, Equatable, Codable {
        var check: Statement.Guard.Check
        var key: String
        var field = ""
        var value = ""
        var complaint: String
    }

    /// One command.
    struct Write: Sendable, Equatable, Codable {
        var command: String
        var key: Key
        var words: [Argument]
    }

    /// The statements that a call has so far.
    struct Known {
        fileprivate var statements: [(statement: Statement, number: Int)] = []
    }

    let member: String
    var checks: [Check] = []
    var writes: [Write] = []

    init(member: String) {
        self.member = member
    }

    /// Adds a command.
    mutating func write(_ command: String, _ key: Key, _ words: [Argument] = []) {
        writes.append(Write(command: command, key: key, words: words))
    }

    /// Adds an event.
    mutating func add(_ event: Event, to journal: Journal) {
        write(
            "XADD", .shared(.events),
            journal.words.map { .constant($0) } + event.fields.flatMap { [.constant($0.name), .value($0.value)] })
    }

    /// Adds the change to a call.
    func append(to call: inout CommitCall, _ known: inout Known) {
        var sink = StatementSink(index: .none)
        tell(&sink)
        let statement = sink.statement
        if let earlier = known.statements.first(where: { $0.statement == statement }) {
            _ = call.append(.same(earlier.number), member: member) { tell(&$0) }
        } else {
            let number = call.append(.new(statement), member: member) { tell(&$0) }
            known.statements.append((statement, number))
        }
    }

    private func tell(_ sink: inout some CommitSink) {
        var keys: [(name: String, key: Statement.Key)] = []
        func own(_ name: String, _ sink: inout some CommitSink) -> Statement.Key {
            if let known = keys.first(where: { $0.name == name }) { return known.key }
            let key = sink.key(name)
            keys.append((name, key))
            return key
        }
        for check in checks {
            let key = own(check.key, &sink)
            let field: CommitOperand = check.field.isEmpty ? .none : .own(sink.value(check.field))
            sink.check(
                check.check, key, field: field, value: check.check.hasValue ? .own(sink.value(check.value)) : .none)
        }
        for write in writes {
            switch write.key {
            case .own(let name): sink.begin(write.command, own(name, &sink))
            case .shared(let key): sink.begin(write.command, .shared(key))
            }
            for word in write.words {
                switch word {
                case .constant(let text): sink.constant(text)
                case .value(let text): sink.hole(sink.value(text))
                case .key(let name): sink.hole(own(name, &sink).source)
                }
            }
        }
    }
}

extension Statement.Guard.Check {
    /// Whether it compares with a value.
    fileprivate var hasValue: Bool {
        switch self {
        case .equals, .differs, .text, .score, .holds, .atmost, .delivered, .idleConsumer, .unread: true
        case .absent, .exists, .missing, .listed, .unlisted, .contains, .knownHash, .knownText: false
        }
    }
}

internal import RedisClient

/// What a change is told to: its guards, then its writes, each part said to be the same for many changes or its own.
///
/// One description of a change serves two ends. The first of its kind is told to a ``StatementSink``, which keeps the
/// common part; all others like it are told to a ``ValueSink``, which takes down only what is their own. So the two can't
/// disagree about the order of anything.
protocol CommitSink {
    /// A key of the change itself; the record's is the first.
    mutating func key(_ name: String) -> Statement.Key
    /// A guard. The value is always the change's own: it is what was read.
    mutating func check(
        _ check: Statement.Guard.Check, _ key: Statement.Key, field: CommitWord?, value: String?)
    /// The name and key of a command whose arguments follow.
    mutating func begin(_ command: String, _ key: Statement.Key)
    /// An argument that is the same for all changes of the statement.
    mutating func constant(_ text: String)
    /// An argument that each change brings along.
    mutating func hole(_ text: String)
}

/// The field of a guard.
enum CommitWord {
    /// The same for all changes of the statement.
    case constant(String)
    /// Brought along by each.
    case own(String)
}

/// Takes down the common part of a change.
struct StatementSink: CommitSink {
    private(set) var statement = Statement(ownKeys: 0, index: .none, guards: [], writes: [])

    init(index: Statement.IndexEffect) { statement.index = index }

    mutating func key(_ name: String) -> Statement.Key {
        statement.ownKeys += 1
        return .own(statement.ownKeys - 1)
    }

    mutating func check(
        _ check: Statement.Guard.Check, _ key: Statement.Key, field: CommitWord?, value: String?
    ) {
        var item = Statement.Guard(check: check, key: key, takes: .none)
        switch field {
        case .constant(let text)?: item.field = text
        case .own?: item.takes = .field
        case nil: break
        }
        if value != nil { item.takes = item.takes == .field ? .both : .value }
        statement.guards.append(item)
    }

    mutating func begin(_ command: String, _ key: Statement.Key) {
        statement.writes.append(.init(command: command, key: key, arguments: []))
    }

    mutating func constant(_ text: String) {
        statement.writes[statement.writes.count - 1].arguments.append(.constant(text))
    }

    mutating func hole(_ text: String) {
        statement.writes[statement.writes.count - 1].arguments.append(.hole)
    }
}

/// Takes down the keys and values of a change, as words of the call.
struct ValueSink: CommitSink {
    private(set) var keys: RedisCommand
    private(set) var values: RedisCommand
    private var ownKeys = 0

    init() {
        keys = RedisCommand(capacity: 8 << 10)
        values = RedisCommand(capacity: 32 << 10)
    }

    /// Begins a change under the statement of that number.
    mutating func begin(statement: Int, member: String, score: String?) {
        ownKeys = 0
        values.append(statement)
        values.append(member)
        if let score { values.append(score) }
    }

    mutating func key(_ name: String) -> Statement.Key {
        keys.append(name)
        ownKeys += 1
        return .own(ownKeys - 1)
    }

    mutating func check(
        _ check: Statement.Guard.Check, _ key: Statement.Key, field: CommitWord?, value: String?
    ) {
        if case .own(let text)? = field { values.append(text) }
        if let value { values.append(value) }
    }

    mutating func begin(_ command: String, _ key: Statement.Key) {}
    mutating func constant(_ text: String) {}
    mutating func hole(_ text: String) { values.append(text) }
}

internal import RedisClient

/// What a change is told to: its guards, then its writes, each part said to be the same for many changes or its own.
///
/// One description of a change serves two ends. The first of its kind is told to a ``StatementSink``, which keeps the
/// common part; all others like it are told to a ``ValueSink``, which takes down only what is their own. So the two can't
/// disagree about the order of anything. A value is brought along once and may be used several times.
protocol CommitSink {
    /// A key of the change itself; the record's is the first.
    mutating func key(_ name: String) -> Statement.Key
    /// A value of the change itself.
    mutating func value(_ text: String) -> Statement.Source
    /// A guard: what is looked at, and what must be found there.
    mutating func check(
        _ check: Statement.Guard.Check, _ key: Statement.Key, field: CommitOperand, value: CommitOperand)
    /// The name and key of a command whose arguments follow.
    mutating func begin(_ command: String, _ key: Statement.Key)
    /// An argument that is the same for all changes of the statement.
    mutating func constant(_ text: String)
    /// An argument that each change brings along.
    mutating func hole(_ source: Statement.Source)
}

/// The field or the value of a guard.
enum CommitOperand {
    /// The guard has none.
    case none
    /// The same for all changes of the statement.
    case constant(String)
    /// Brought along by each.
    case own(Statement.Source)
}

extension Statement.Key {
    /// The name of one of the change's own keys, as a value.
    var source: Statement.Source {
        switch self {
        case .own(let number): Statement.Source(number: -1 - number)
        case .shared, .none: .none
        }
    }
}

/// Takes down the common part of a change.
struct StatementSink: CommitSink {
    private(set) var statement: Statement

    /// - Parameter hasMember: whether changes bring along the member of an index that they are about.
    init(index: Statement.IndexEffect, hasMember: Bool = true) {
        // The member comes first among the values, and the score second where there is one.
        statement = Statement(index: index, values: !hasMember ? 0 : index == .score ? 2 : 1)
    }

    mutating func key(_ name: String) -> Statement.Key {
        statement.ownKeys += 1
        return .own(statement.ownKeys - 1)
    }

    mutating func value(_ text: String) -> Statement.Source {
        statement.values += 1
        return Statement.Source(number: statement.values)
    }

    mutating func check(
        _ check: Statement.Guard.Check, _ key: Statement.Key, field: CommitOperand, value: CommitOperand
    ) {
        var item = Statement.Guard(check: check, key: key)
        switch field {
        case .none: break
        case .constant(let text): item.field = text
        case .own(let source): item.fieldFrom = source
        }
        switch value {
        case .none: break
        case .constant(let text): item.value = text
        case .own(let source): item.valueFrom = source
        }
        statement.guards.append(item)
    }

    mutating func begin(_ command: String, _ key: Statement.Key) {
        statement.writes.append(.init(command: command, key: key, arguments: []))
    }

    mutating func constant(_ text: String) {
        statement.writes[statement.writes.count - 1].arguments.append(.constant(text))
    }

    mutating func hole(_ source: Statement.Source) {
        statement.writes[statement.writes.count - 1].arguments.append(.hole(source))
    }
}

/// Takes down the keys and values of a change, as words of the call.
struct ValueSink: CommitSink {
    private(set) var keys: RedisCommand
    private var runs: [(statement: Int, values: WordRows)] = []
    private var ownKeys = 0
    private var ownValues = 0

    init() {
        keys = RedisCommand(capacity: 4 << 10)
    }

    /// Begins a change under the statement of that number.
    ///
    /// - Parameter member: the member of the index that it is about; nil where nothing of the statement names it.
    mutating func begin(statement: Int, member: String?, score: String?) {
        ownKeys = 0
        ownValues = 0
        if runs.last?.statement != statement {
            // The member and the score are each change's own.
            let apart = (member == nil ? 0 : 1) + (score == nil ? 0 : 1)
            runs.append((statement, WordRows(capacity: runs.isEmpty ? 4 << 10 : 1 << 10, apart: apart)))
        }
        runs[runs.count - 1].values.beginRow()
        if let member { _ = value(member) }
        if let score { _ = value(score) }
    }

    mutating func key(_ name: String) -> Statement.Key {
        keys.append(name)
        ownKeys += 1
        return .own(ownKeys - 1)
    }

    mutating func value(_ text: String) -> Statement.Source {
        runs[runs.count - 1].values.append(text)
        ownValues += 1
        return Statement.Source(number: ownValues)
    }

    /// About how many bytes keys and values have.
    var byteCount: Int { runs.reduce(keys.byteCount) { $0 + $1.values.byteCount + 32 } }

    /// Appends the changes to the call, those of one statement that come one after the other under one head, which has
    /// also what all of them have.
    func append(to command: inout RedisCommand) {
        for run in runs {
            let places = run.values.alike.map { String($0 + 1) }.joined(separator: ",")
            command.append(places.isEmpty ? String(run.statement) : "\(run.statement)=\(places)")
            command.append(run.values.count)
            run.values.append(to: &command)
        }
    }

    mutating func check(
        _ check: Statement.Guard.Check, _ key: Statement.Key, field: CommitOperand, value: CommitOperand
    ) {}
    mutating func begin(_ command: String, _ key: Statement.Key) {}
    mutating func constant(_ text: String) {}
    mutating func hole(_ source: Statement.Source) {}
}

extension Statement.Source {
    /// The change's index member, which every change brings along that says more than ``SagaStep`` and the like.
    static let member = Statement.Source(number: 1)
}

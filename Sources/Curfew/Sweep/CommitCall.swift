internal import Policies
internal import RedisClient

/// One call of `curfew_commit`: many changes, each of which stands or falls alone.
struct CommitCall: Sendable {
    /// What became of one change of a call.
    enum Outcome: Equatable {
        /// It was made.
        case made
        /// The guard of that number (from 0) did not hold: the record has moved, and nothing was written.
        case moved(guardNumber: Int)
        /// Redis would have refused a part of it, so nothing of it was written.
        case refused(String)
    }

    /// The lease that the call is made under; nil for changes that need none, as those of alerts.
    private let lease: (key: String, term: String)?
    private let index: String
    private let shared: [String]
    /// The time that the changes name, where they name one, in milliseconds.
    ///
    /// It is apart from the statements, so that those are the same from page to page.
    var time = ""
    /// Whether Redis only says what would become of the changes, and writes nothing.
    let isCheck: Bool
    private var statements: [Statement] = []
    private var sink = ValueSink()
    /// How many changes it carries.
    private(set) var count = 0

    /// The number that stands for the mark of a call to one node: it is closed, so nothing was made.
    static let closedGuard = -2

    /// How the call is written; must be the `FORMAT` of `curfew.lua`.
    static let format = "format-3"

    /// Starts an empty call.
    init(lease: (key: String, term: String)?, index: String, shared: [String], isCheck: Bool = false) {
        self.isCheck = isCheck
        self.lease = lease
        self.index = index
        self.shared = shared
    }

    /// Adds a change under a statement: an earlier one by its number, or a new one.
    mutating func append(
        _ statement: StatementChoice, member: String, score: String? = nil, _ tell: (inout ValueSink) -> Void
    ) -> Int {
        let number: Int
        switch statement {
        case .same(let earlier): number = earlier
        case .new(let new):
            statements.append(new)
            number = statements.count
        }
        sink.begin(statement: number, member: member, score: score)
        tell(&sink)
        count += 1
        return number
    }

    /// The statement of a change.
    enum StatementChoice {
        /// That of an earlier change, by its number.
        case same(Int)
        /// One that the call doesn't have yet.
        case new(Statement)
    }

    /// The command.
    func command() -> RedisCommand {
        command(named: isCheck ? "curfew_check" : "curfew_commit")
    }

    /// The command for what is Curfew's own and small, or only frees: it is carried out also where Redis is full.
    func note() -> RedisCommand {
        command(named: "curfew_note")
    }

    private func command(named name: String) -> RedisCommand {
        let keys = [lease?.key ?? index, index] + shared
        let name = FunctionLibrary.named(name)
        return command([name, String(keys.count + sink.keys.count)] + keys)
    }

    /// The command for one node of a Cluster, whatever slots of it the keys are in: without lease, index and shared keys.
    ///
    /// - Parameters:
    ///   - mark: what shows that the changes are made; nil for those that need no such thing.
    ///   - isAlone: whether all keys are in one slot and are declared, so that the client follows where it is sent.
    ///   - isNote: whether it only frees, or is small, and is carried out also where Redis is full.
    func nodeCommand(under mark: NodeMark? = nil, isAlone: Bool = false, isNote: Bool = false) -> RedisCommand {
        let function = isCheck ? "curfew_check_part" : isNote ? "curfew_note_part" : "curfew_commit_part"
        let name = FunctionLibrary.named(function)
        var command = RedisCommand(isCheck ? "FCALL_RO" : "FCALL", [name], isIdempotent: isCheck)
        if isAlone {
            command.append(sink.keys.count + (mark == nil ? 0 : 1))
            if let mark { command.append(mark.key) }
            command.append(wordsOf: sink.keys)
        } else {
            command.append(0)
        }
        if let mark {
            for word in [mark.key, mark.closed, mark.field, mark.omitted] { command.append(word) }
            command.append(mark.text)
        } else {
            command.append("")
        }
        for word in [String(2 + sink.keys.count), "", ""] { command.append(word) }
        appendRest(to: &command)
        return command
    }

    /// What is written beside the changes of a call to one node, in the same step, unless none was made.
    struct NodeMark {
        /// The hash.
        let key: String
        /// The field that forbids the call.
        let closed: String
        /// The field that is written.
        let field: String
        /// The field that says which changes were not made, where some were not.
        let omitted: String
        /// What is written.
        let text: [UInt8]
    }

    private func command(_ head: [String]) -> RedisCommand {
        var command = RedisCommand(isCheck ? "FCALL_RO" : "FCALL", head, isIdempotent: isCheck)
        appendRest(to: &command)
        return command
    }

    private func appendRest(to command: inout RedisCommand) {
        let header = [Self.format, lease?.term ?? "", time, String(shared.count), String(statements.count)]
        command.append(wordsOf: sink.keys)
        for word in header { command.append(word) }
        for statement in statements { command.append(statement.text) }
        sink.append(to: &command)
    }

    /// Reads the reply: what became of each change, in order.
    ///
    /// Throws where the lease is of another term.
    func outcomes(of reply: RedisValue) throws(CurfewError) -> [Outcome] {
        let elements = reply.elements
        switch elements.first?.string {
        case "ok": break
        case "closed": return [Outcome](repeating: .moved(guardNumber: Self.closedGuard), count: count)
        case "fenced":
            let current = elements.dropFirst().compactMap(\.string).filter { !$0.isEmpty }
            let fence = lease?.term.prefix { $0 != " " } ?? ""
            throw CurfewError(
                .lost,
                "the lease is no longer ours: fence \(fence) was refused, \(current.first ?? "none") is current"
                    + (current.count > 1 ? " (\(current[1]))" : ""))
        default: throw CurfewError(.damaged, "curfew_commit answered something unexpected")
        }
        var outcomes = [Outcome](repeating: .made, count: count)
        for place in stride(from: 1, to: elements.count - 1, by: 2) {
            guard let position = elements[place].place(among: count) else {
                throw CurfewError(.damaged, "curfew_commit answered for a change that was not in the call")
            }
            let why = elements[place + 1]
            outcomes[position] =
                why.kind == .integer
                ? .moved(guardNumber: Int(why.integer ?? 1).bounded(minus: 1)) : .refused(why.string ?? "refused")
        }
        return outcomes
    }
}

extension RedisValue {
    /// What a function tells as a number from 1, as a place from 0; nil where there are fewer.
    func place(among count: Int) -> Int? {
        guard let number = integer, number >= 1, number <= count else { return nil }
        return Int(number) - 1
    }
}

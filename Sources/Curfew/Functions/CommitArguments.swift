internal import RedisClient

/// The lease that a call is made under: its key, and the term that is meant.
struct LeaseTerm: Sendable {
    let key: String
    let term: String

    /// What a function answers where the lease is of another term.
    func lost(_ reply: RedisValue) -> CurfewError {
        let current = reply.elements.dropFirst().compactMap(\.string).filter { !$0.isEmpty }
        let fence = term.prefix { $0 != " " }
        return CurfewError(
            .lost,
            "the lease is no longer ours: fence \(fence) was refused, \(current.first ?? "none") is current"
                + (current.count > 1 ? " (\(current[1]))" : ""))
    }

    /// Throws where the answer isn't that the lease is still of that term.
    static func check(_ reply: RedisValue, _ lease: LeaseTerm?, of function: RedisFunction) throws(CurfewError) {
        switch reply[0].string {
        case "ok": return
        case "fenced": throw (lease ?? LeaseTerm(key: "", term: "")).lost(reply)
        default: throw CurfewError(.damaged, "\(function.rawValue) answered something unexpected")
        }
    }
}

/// The words of `curfew_commit` and of those that take the same.
///
/// These are `curfew_note`, `curfew_check` and, for one node of a Cluster, `curfew_commit_part`, `curfew_note_part` and
/// `curfew_check_part`;
/// they are in `commit.lua` and `parts.lua`. It is no ``FunctionCall``, because a page's changes are many: they are written
/// where they are sent from, without being collected before.
struct CommitArguments: Sendable {
    /// How the call is written.
    var format = FunctionLibrary.formatWord
    /// The lease that the call is made under; nil for changes that need none, as those of alerts.
    var lease: LeaseTerm?
    var index = ""
    /// The keys that all changes share.
    var shared: [String] = []
    /// The time that the changes name, where they name one, in milliseconds.
    var time = ""

    /// The changes: their own keys, their statements, and what each brings along.
    struct Changes {
        /// The keys of the changes, one after the other.
        let keys: RedisCommand
        /// The statements, as JSON.
        let statements: [String]
        /// Appends the runs of changes: number of the statement, number of changes, their values.
        let appendRuns: (inout RedisCommand) -> Void
    }

    /// What is written beside the changes of a call to one node, in the same step, unless none was made.
    struct NodeMark: Sendable {
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

    /// The call of a function for the whole of Redis, or of Curfew's own slot.
    func command(_ function: RedisFunction, _ changes: Changes) -> RedisCommand {
        let keys = [lease?.key ?? index, index] + shared
        var command = function.command(keys: keys, of: keys.count + changes.keys.count)
        append(changes, to: &command)
        return command
    }

    /// The call of a function for one node of a Cluster, whatever slots of it the keys are in: without lease, index and
    /// shared keys.
    ///
    /// - Parameters:
    ///   - mark: what shows that the changes are made; nil for those that need no such thing.
    ///   - isAlone: whether all keys are in one slot and are declared, so that the client follows where it is sent.
    func nodeCommand(
        _ function: RedisFunction, _ changes: Changes, under mark: NodeMark?, isAlone: Bool
    ) -> RedisCommand {
        let declared = isAlone ? changes.keys.count + (mark == nil ? 0 : 1) : 0
        var command = function.command(keys: [], of: declared)
        if isAlone {
            if let mark { command.append(mark.key) }
            command.append(wordsOf: changes.keys)
        }
        if let mark {
            for word in [mark.key, mark.closed, mark.field, mark.omitted] { command.append(word) }
            command.append(mark.text)
        } else {
            command.append("")
        }
        let keys = [lease?.key ?? "", index] + shared
        command.append(keys.count + changes.keys.count)
        for key in keys { command.append(key) }
        append(changes, to: &command)
        return command
    }

    private func append(_ changes: Changes, to command: inout RedisCommand) {
        command.append(wordsOf: changes.keys)
        for word in [format, lease?.term ?? "", time, String(shared.count), String(changes.statements.count)] {
            command.append(word)
        }
        for statement in changes.statements { command.append(statement) }
        changes.appendRuns(&command)
    }
}

/// What a commit is answered with.
enum CommitAnswer {
    /// The changes that were not made, by their places, and why: the number of the guard that did not hold, from 1 (0:
    /// something to be written once was there), or Redis's own text.
    case done(refused: [(place: Int, why: Why)])
    /// The mark of the call is closed.
    case closed

    /// Why a change was not made.
    enum Why {
        case guarded(number: Int64)
        case refused(String)
    }

    /// Reads the answer to a call of so many changes.
    ///
    /// Throws where the lease is of another term.
    init(_ reply: RedisValue, count: Int, lease: LeaseTerm?) throws(CurfewError) {
        let elements = reply.elements
        if elements.first?.string == "closed" {
            self = .closed
            return
        }
        try LeaseTerm.check(reply, lease, of: .commit)
        var refused: [(place: Int, why: Why)] = []
        for place in stride(from: 1, to: elements.count - 1, by: 2) {
            guard let position = elements[place].place(among: count) else {
                throw CurfewError(
                    .damaged, "\(RedisFunction.commit.rawValue) answered for a change that was not in the call")
            }
            let why = elements[place + 1]
            refused.append(
                (
                    position,
                    why.kind == .integer ? .guarded(number: why.integer ?? 1) : .refused(why.string ?? "refused")
                ))
        }
        self = .done(refused: refused)
    }
}

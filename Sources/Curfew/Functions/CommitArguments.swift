internal import RedisClient

/// The lease of a call: its key and the expected term.
struct LeaseTerm: Sendable {
    let key: String
    let term: String

    /// The error of a function that found another term.
    func lost(_ reply: RedisValue) -> CurfewError {
        let current = reply.elements.dropFirst().compactMap(\.string).filter { !$0.isEmpty }
        let fence = term.prefix { $0 != " " }
        return CurfewError(
            .lost,
            "the lease is lost: fence \(fence) was refused, the current one is \(current.first ?? "none")"
                + (current.count > 1 ? " (\(current[1]))" : ""))
    }

    /// Throws if the answer doesn't confirm the term of the lease.
    static func check(_ reply: RedisValue, _ lease: LeaseTerm?, of function: RedisFunction) throws(CurfewError) {
        switch reply[0].string {
        case "ok": return
        case "fenced": throw (lease ?? LeaseTerm(key: "", term: "")).lost(reply)
        default: throw CurfewError(.damaged, "\(function.rawValue) returned an unexpected answer")
        }
    }
}

/// The arguments of `curfew_commit` and of functions with the same arguments.
///
/// These are `curfew_note`, `curfew_check` and, for one node of a cluster, `curfew_commit_part`, `curfew_note_part` and
/// `curfew_check_part`; they are in `commit.lua` and `parts.lua`. This isn't a ``FunctionCall``, because a page has
/// many changes: they are written directly into the command, without being collected first.
struct CommitArguments: Sendable {
    /// The format of the call.
    var format = FunctionLibrary.formatWord
    /// The lease of the call; nil for changes that need none, such as alerts.
    var lease: LeaseTerm?
    var index = ""
    /// The keys that all changes share.
    var shared: [String] = []
    /// The time in the changes, in milliseconds, if they have one.
    var time = ""

    /// The changes: their own keys, their statements and their values.
    struct Changes {
        /// The keys of the changes, in order.
        let keys: RedisCommand
        /// The statements, as JSON.
        let statements: [String]
        /// About how many bytes all of it has.
        var byteCount = 0
        /// Appends the runs of changes: the number of the statement, the number of changes, their values.
        let appendRuns: (inout RedisCommand) -> Void
    }

    /// A mark that is written in the same step as the changes of a call to one node, unless no change was made.
    struct NodeMark: Sendable {
        /// The hash.
        let key: String
        /// The field that forbids the call.
        let closed: String
        /// The field that is written.
        let field: String
        /// The field for the changes that were not made, if there are any.
        let omitted: String
        /// The value of the field.
        let text: [UInt8]
    }

    /// The call of a function for the whole of Redis, or for Curfew's own slot.
    func command(_ function: RedisFunction, _ changes: Changes) -> RedisCommand {
        let keys = [lease?.key ?? index, index] + shared
        var command = function.command(keys: keys, of: keys.count + changes.keys.count)
        append(changes, to: &command)
        return command
    }

    /// The call of a function for one node of a cluster, whatever slots of it the keys are in: without lease, index and
    /// shared keys.
    ///
    /// - Parameters:
    /// - mark: the mark of the call; nil for changes that need none.
    /// - isAlone: whether all keys are in one slot and declared, so that the client follows redirections.
    func nodeCommand(
        _ function: RedisFunction, _ changes: Changes, under mark: NodeMark?, isAlone: Bool
    ) -> RedisCommand {
        let declared = isAlone ? changes.keys.count + (mark == nil ? 0 : 1) : 0
        var command = function.command(keys: [], of: declared)
        command.reserve(2_048 + (mark?.text.count ?? 0) + changes.byteCount)
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
    /// The changes that were not made, by their places, and the reason: the number of the guard that did not hold, from 1
    /// (0: an entry that is written only once existed), or Redis's own text.
    case done(refused: [(place: Int, why: Why)])
    /// The mark of the call is closed.
    case closed

    /// Why a change was not made.
    enum Why {
        case guarded(number: Int64)
        case refused(String)
    }

    /// Parses the answer to a call with that many changes.
    ///
    /// Throws if the lease has another term.
    init(_ reply: RedisValue, count: Int, lease: LeaseTerm?) throws(CurfewError) {
        if reply[0].string == "closed" {
            self = .closed
            return
        }
        try LeaseTerm.check(reply, lease, of: .commit)
        var refused: [(place: Int, why: Why)] = []
        for (position, why) in reply.fields(from: 1) {
            guard let place = position.place(among: count) else {
                throw CurfewError(
                    .damaged,
                    "\(RedisFunction.commit.rawValue) returned an answer for a change that was not in the call")
            }
            refused.append(
                (
                    place,
                    why.kind == .integer ? .guarded(number: why.integer ?? 1) : .refused(why.string ?? "refused")
                ))
        }
        self = .done(refused: refused)
    }
}

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
    private let lease: (key: String, fence: String)?
    private let index: String
    private let shared: [String]
    private var statements: [Statement] = []
    private var uses: [(statement: Int, use: StatementUse)] = []

    /// Starts an empty call.
    init(lease: (key: String, fence: String)?, index: String, shared: [String]) {
        self.lease = lease
        self.index = index
        self.shared = shared
    }

    /// How many changes it carries.
    var count: Int { uses.count }

    /// Adds a change.
    mutating func append(_ use: StatementUse) {
        // Few statements, and almost always the last one again.
        if let number = statements.lastIndex(of: use.statement) {
            uses.append((number + 1, use))
        } else {
            statements.append(use.statement)
            uses.append((statements.count, use))
        }
    }

    /// The command.
    func command() -> RedisCommand {
        var keys = [lease?.key ?? index, index] + shared
        var arguments = [lease?.fence ?? "", String(shared.count), String(statements.count)]
        for statement in statements { statement.append(to: &arguments) }
        keys.reserveCapacity(keys.count + uses.count * 4)
        arguments.reserveCapacity(arguments.count + uses.count * 16)
        for (number, use) in uses {
            keys += use.keys
            arguments.append(String(number))
            arguments.append(use.member)
            if let score = use.score { arguments.append(score) }
            arguments += use.values
        }
        return FunctionLibrary.command("curfew_commit", keys: keys, arguments: arguments)
    }

    /// Reads the reply: what became of each change, in order. Throws where the fence is an old one.
    func outcomes(of reply: RedisValue) throws(CurfewError) -> [Outcome] {
        let elements = reply.elements
        switch elements.first?.string {
        case "ok": break
        case "fenced":
            let current = elements.count > 1 ? elements[1].string ?? "" : ""
            throw CurfewError(
                .lost, "the lease is no longer ours: fence \(lease?.fence ?? "") was refused, \(current.isEmpty ? "none" : current) is current")
        default: throw CurfewError(.damaged, "curfew_commit answered something unexpected")
        }
        var outcomes = [Outcome](repeating: .made, count: uses.count)
        for place in stride(from: 1, to: elements.count - 1, by: 2) {
            guard let position = elements[place].integer, outcomes.indices.contains(Int(position) - 1) else {
                throw CurfewError(.damaged, "curfew_commit answered for a change that was not in the call")
            }
            let why = elements[place + 1]
            outcomes[Int(position) - 1] =
                why.kind == .integer ? .moved(guardNumber: Int(why.integer ?? 1) - 1) : .refused(why.string ?? "refused")
        }
        return outcomes
    }
}

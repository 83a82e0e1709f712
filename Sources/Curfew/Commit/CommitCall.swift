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

    private var arguments: CommitArguments
    /// The time that the changes name, where they name one, in milliseconds.
    ///
    /// It is apart from the statements, so that those are the same from page to page.
    var time: String {
        get { arguments.time }
        set { arguments.time = newValue }
    }
    /// Whether Redis only says what would become of the changes, and writes nothing.
    let isCheck: Bool
    private var statements: [Statement] = []
    private var sink = ValueSink()
    /// How many changes it carries.
    private(set) var count = 0

    /// The number that stands for the mark of a call to one node: it is closed, so nothing was made.
    static let closedGuard = -2

    /// Starts an empty call.
    init(lease: (key: String, term: String)?, index: String, shared: [String], isCheck: Bool = false) {
        self.isCheck = isCheck
        arguments = CommitArguments(
            lease: lease.map { LeaseTerm(key: $0.key, term: $0.term) }, index: index, shared: shared)
    }

    /// Adds a change under a statement: an earlier one by its number, or a new one.
    ///
    /// - Parameter member: the member of the index that it is about; nil where nothing of the statement names it.
    mutating func append(
        _ statement: StatementChoice, member: String?, score: String? = nil, _ tell: (inout ValueSink) -> Void
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
        arguments.command(isCheck ? .check : .commit, changes)
    }

    /// The command for what is Curfew's own and small, or only frees: it is carried out also where Redis is full.
    func note() -> RedisCommand {
        arguments.command(.note, changes)
    }

    /// The command for one node of a Cluster, whatever slots of it the keys are in: without lease, index and shared keys.
    ///
    /// - Parameters:
    ///   - mark: what shows that the changes are made; nil for those that need no such thing.
    ///   - isAlone: whether all keys are in one slot and are declared, so that the client follows where it is sent.
    ///   - isNote: whether it only frees, or is small, and is carried out also where Redis is full.
    func nodeCommand(
        under mark: CommitArguments.NodeMark? = nil, isAlone: Bool = false, isNote: Bool = false
    ) -> RedisCommand {
        let function: RedisFunction = isCheck ? .checkPart : isNote ? .notePart : .commitPart
        return CommitArguments(time: time).nodeCommand(function, changes, under: mark, isAlone: isAlone)
    }

    private var changes: CommitArguments.Changes {
        CommitArguments.Changes(
            keys: sink.keys, statements: statements.map(\.text), byteCount: sink.byteCount,
            appendRuns: { sink.append(to: &$0) })
    }

    /// Reads the reply: what became of each change, in order.
    ///
    /// Throws where the lease is of another term.
    func outcomes(of reply: RedisValue) throws(CurfewError) -> [Outcome] {
        var outcomes = [Outcome](repeating: .made, count: count)
        switch try CommitAnswer(reply, count: count, lease: arguments.lease) {
        case .closed: return [Outcome](repeating: .moved(guardNumber: Self.closedGuard), count: count)
        case .done(let refused):
            for (place, why) in refused {
                switch why {
                case .guarded(let number): outcomes[place] = .moved(guardNumber: Int(number.bounded(minus: 1)))
                case .refused(let why): outcomes[place] = .refused(why)
                }
            }
        }
        return outcomes
    }
}

internal import Policies
internal import RedisClient

/// What a policy of the program's own says that it reads and writes: asked for once, when the configuration is read.
struct PolicyDeclaration: Sendable {
    /// The fields that are read, each once.
    let fields: [String]
    /// Those that are only looked at.
    let looseFields: [String]
    /// Those that are written.
    let writtenFields: [String]
    /// The same, and what else every record has, to be found quickly.
    let known: Set<String>, writable: Set<String>
    /// Whether records go.
    let removes: Bool
    let timeout: Duration
    let refund: PolicyRefund?
    private let reads: [PolicyRead]
    private let writes: [PolicyWrite]

    init<Own: Policy>(_ policy: Own) {
        (reads, writes, refund) = (policy.reads, policy.writes, policy.refund)
        timeout = policy.timeout
        writtenFields = unique(writes.compactMap(\.field))
        let templates = reads.compactMap { $0.use?.template } + writes.compactMap { $0.template?.template }
        fields = unique(
            reads.compactMap(\.field) + writtenFields + templates.flatMap(\.fields) + (refund?.fields ?? []))
        let counted = Set(writtenFields + (refund?.fields ?? []))
        looseFields = fields.filter { !counted.contains($0) }
        known = Set(fields + [Record.valueField, Record.bodyField])
        writable = Set(writtenFields)
        removes = writes.contains { $0.kind == .removal }
    }

    /// The keys beside the record that are looked at.
    var readUses: [KeyUse] { reads.compactMap(\.use) }

    /// The keys beside the record that are written.
    var writeUses: [KeyUse] { writes.flatMap(\.uses) + (refund?.uses ?? []) }

    /// What can't be declared, in words that follow the name of the policy.
    func problems(_ rules: TemplateRules) -> [String] {
        var problems: [String] = []
        if fields.contains("") { problems.append("declares a field without a name") }
        if timeout <= .zero { problems.append("has a timeout of \(timeout.text), expected more than 0") }
        if timeout > Self.longest { problems.append("has a timeout of \(timeout.text), expected at most 100 years") }
        let written = writes.compactMap(\.template) + (refund.map { [$0.balance, $0.ledger] } ?? [])
        let read = reads.compactMap { read -> PolicyTemplate? in
            if case .key(let key, _) = read.kind { key } else { nil }
        }
        for template in (read + written).map(\.template) where rules.keys.ownAll(template) {
            problems.append("names “\(template.text)”, one of Curfew's own keys, expected a key of the application")
        }
        for template in written.map(\.template) where template.literalStart.isEmpty && template.values == .plain {
            guard template.beginsWithField || !rules.mayBeginWithID else { continue }
            problems.append(
                "writes “\(template.text)”, which begins with a gap, so a record could name any key: expected one that "
                    + "begins with a name")
        }
        for case .companion(let key) in writes.map(\.kind) where key.template.isConstant {
            problems.append("discards “\(key)”, one key for all records, expected one like job:<id>:log")
        }
        return problems
    }

    /// Longer times could overflow in sums.
    static let longest = Duration.seconds(36_500 * 86_400)

    /// Whether a key may be looked at, as a question or a guard does.
    func mayLook(_ key: String, _ look: PolicyRead.Look) -> Bool {
        reads.contains { read in
            if case .key(let template, look) = read.kind { template.mayMake(key) } else { false }
        }
    }

    /// Whether a key may be named in a guard: one that is read in any way, or written.
    func mayGuard(_ key: String) -> Bool {
        reads.contains { read in
            if case .key(let template, _) = read.kind { template.mayMake(key) } else { false }
        } || writes.contains { $0.template?.mayMake(key) == true }
    }

    /// Whether something may be put into a key, or taken out of it where no kind is named.
    func mayPut(_ key: String, _ kind: Push.Kind?, of record: Record) -> Bool {
        writes.contains { write in
            guard case .put(let template, let declared) = write.kind else { return false }
            return (kind ?? declared) == declared && template.fits(key, record)
        }
    }

    /// Whether a key may be moved to the trash.
    func mayDiscard(_ key: String, of record: Record) -> Bool {
        writes.contains { write in
            if case .companion(let template) = write.kind { template.fits(key, record) } else { false }
        }
    }

    /// Whether a channel may be published to.
    func mayPublish(_ channel: String) -> Bool {
        writes.contains { write in
            if case .channel(let template) = write.kind { template.mayMake(channel) } else { false }
        }
    }
}

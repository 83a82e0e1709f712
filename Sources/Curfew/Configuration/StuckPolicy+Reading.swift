internal import Policies

extension StuckPolicy: ConfiguredPolicy {
    static let sections = ["retry"]
    static let actions: [Change.Action] = [.retry, .fail, .complete]
    static let keys = [
        "states", "since", "heartbeat", "timeout", "timeouts", "max-age", "types", "alive", "completed-when",
        "completed-to", "retry", "to",
        "refund", "writes",
    ]

    init?(_ section: Section, status: String) {
        let scope = section.scope()
        let timeout = section.timeLimit("timeout", isRequired: true)
        let maxAge = section.duration("max-age")
        let isOwn = section.hasEffects("fail") && !section.has("to")
        let to =
            isOwn
            ? section.setsStatus("fail", status) : section.target("to", outside: scope?.states)
        let completedTo = section.target("completed-to", default: "COMPLETED", outside: scope?.states)
        let timeouts = section.section("timeouts").flatMap(Timeouts.init)
        let retry = section.section("retry").flatMap { Retry($0, status: section.setsStatus("retry", status)) }
        let refund = section.section("refund").flatMap(RefundRule.init)
        var writes = section.section("writes").map(Writes.init) ?? Writes()
        // Whoever says what is written says all of it.
        if isOwn, !section.has("writes") { (writes.error, writes.finished) = (nil, nil) }
        let heartbeat = section.text("heartbeat", expected: "the name of a field")
        let alive = section.liveness("alive")
        let types = section.section("types").flatMap { Types($0, outside: scope?.states) }
        section.checkTypes("timeouts", by: types?.by, types?.byType.filter { $0.value.timeout != nil }.map(\.key) ?? [])
        let completedWhen = section.text("completed-when", expected: "the name of a field")
        guard let scope, let timeout, to != nil || isOwn, let completedTo else { return nil }
        self.init(
            status: status, states: scope.states, since: scope.since, heartbeat: heartbeat, timeout: timeout.general,
            ownTimeout: timeout.own, timeouts: timeouts, maxAge: maxAge, alive: alive, completedWhen: completedWhen,
            completedTo: completedTo, retry: retry, to: to, refund: refund, types: types, writes: writes)
    }
}

extension StuckPolicy.Types {
    /// `types`: rules by type; a time alone is the timeout of a type.
    fileprivate init?(_ section: Section, outside states: [String]?) {
        let rules = section.rulesByType { section, type -> StuckPolicy.TypeRules? in
            guard let entry = section.entry(type), case .section = entry.value.content else {
                return section.duration(type).map { StuckPolicy.TypeRules(timeout: TimeLimit($0)) }
            }
            return section.section(type).map { StuckPolicy.TypeRules($0, outside: states) }
        }
        guard let rules else { return nil }
        self.init(by: rules.by, byType: rules.byType)
    }
}

extension StuckPolicy.TypeRules {
    fileprivate init(_ section: Section, outside states: [String]?) {
        section.expect(["timeout", "max-age", "to", "retry", "refund"])
        self.init(timeout: section.timeLimit("timeout"))
        if section.has("to") { to = section.target("to", outside: states) }
        maxAge = section.own("max-age") { section.duration("max-age") }
        retry = section.own("retry") { section.section("retry").flatMap { StuckPolicy.Retry($0, status: nil) } }
        refund = section.own("refund") { section.section("refund").flatMap(StuckPolicy.RefundRule.init) }
    }
}

extension Section {
    /// A rule of a type: its own, none, or the general one where the type says nothing.
    fileprivate func own<Rule>(_ key: String, _ read: () -> Rule?) -> StuckPolicy.TypeRules.Own<Rule> {
        guard entry(key) != nil else { return .general }
        guard !isNone(key) else { return .none }
        return read().map { .rule($0) } ?? .general
    }
}

extension StuckPolicy.Retry {
    /// The retry of a type, which has no effects of its own: those are the same for all.
    fileprivate init?(ofType section: Section) {
        for key in ActionEffects.keys where section.has(key) {
            section.problem(key, "is the same for all types: expected it in the general retry")
        }
        self.init(section, status: nil)
    }

    init?(_ section: Section, status: String?) {
        section.expect(["limit", "window", "to", "queue", "attempts"] + ActionEffects.keys)
        let limit = section.integer("limit", isRequired: true, in: 0...100)
        let window = section.duration("window")
        let isOwn = ActionEffects.keys.contains { section.has($0) }
        let to = section.text("to", isRequired: !isOwn, expected: "a status")
        let queue = StuckPolicy.Queue(section)
        // Whoever says what is written says all of it.
        let attempts = section.field("attempts", default: isOwn && to == nil ? nil : "attempts")
        guard let limit, to != nil || isOwn else { return nil }
        self.init(
            limit: limit, window: window ?? .seconds(72 * 3600), to: to ?? status, queue: queue, attempts: attempts)
    }
}

extension StuckPolicy.Queue {
    /// `queue`: a key, or a section that also has the kind of the queue; nil if it is absent or has a problem.
    fileprivate init?(_ retry: Section) {
        guard let entry = retry.entry("queue"), case .section = entry.value.content else {
            guard let key = retry.writtenTemplate("queue") else { return nil }
            self.init(key: key)
            return
        }
        guard let section = retry.section("queue") else { return nil }
        section.expect(["key", "kind", "score", "at"])
        let kind = section.choice("kind", Push.Kind.queues)
        let score = section.template("score")
        let place = section.choice("at", Place.allCases)
        if kind == .zset, !section.has("score") {
            section.problem("score", "missing, expected a number, a field like <priority>, or <now:ms>: kind is zset")
        }
        if let kind, kind != .zset, section.has("score") {
            section.problem("score", "a \(kind.rawValue) has no scores, expected kind: zset")
        }
        if let kind, kind != .list, place != nil {
            section.problem("at", "a \(kind.rawValue) has no head and tail, expected kind: list")
        }
        guard let key = section.writtenTemplate("key", isRequired: true) else { return nil }
        self.init(key: key, kind: kind, score: score, isAtHead: place == .head)
    }

    /// The end of a list.
    private enum Place: String, CaseIterable {
        case head, tail
    }
}

extension StuckPolicy.Writes {
    init(_ section: Section) {
        section.expect(["error", "finished", "recoveries"])
        self.init(
            error: section.field("error", default: "error"), finished: section.field("finished", default: "finishedAt"),
            recoveries: section.field("recoveries", default: nil))
    }
}

extension Section {
    /// The name of a written field; nil for `none`.
    fileprivate func field(_ key: String, default fallback: String?) -> String? {
        guard has(key) else { return fallback }
        let name = text(key, expected: "the name of a field, or none")
        return name == "none" ? nil : name
    }
}

extension StuckPolicy.RefundRule {
    init?(_ section: Section) {
        section.expect(["amount", "balance", "ledger", "record"])
        let amount = section.text("amount", isRequired: true, expected: "the name of a field")
        let (balance, field) = Self.balance(section)
        let ledger = section.writtenTemplate("ledger", isRequired: true)
        var records = section.puts("record") { (_) throws(TemplateError) in try PutRule.transaction() }
        for place in records.indices { records[place].isTold = true }
        for (name, template) in [("balance", balance), ("ledger", ledger)] {
            guard let template, records.contains(where: { $0.to == template }) else { continue }
            section.problem("record", "it would go into the \(name), \(template): expected a key of its own")
        }
        guard let amount, let balance, let ledger else { return nil }
        self.init(amount: amount, balance: balance, field: field, ledger: ledger, records: records)
    }

    /// `balance`: a key, or a section with the field of a hash.
    private static func balance(_ section: Section) -> (key: KeyTemplate?, field: KeyTemplate?) {
        guard let entry = section.entry("balance"), case .section = entry.value.content else {
            return (section.writtenTemplate("balance", isRequired: true), nil)
        }
        guard let inner = section.section("balance") else { return (nil, nil) }
        inner.expect(["key", "field"])
        let field = inner.template("field", isRequired: true)
        let key = inner.writtenTemplate("key", isRequired: true)
        return field == nil ? (nil, nil) : (key, field)
    }
}

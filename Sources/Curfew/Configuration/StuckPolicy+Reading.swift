internal import Policies

extension StuckPolicy: ConfiguredPolicy {
    static let keys = [
        "states", "since", "heartbeat", "timeout", "timeouts", "alive", "completed-when", "completed-to", "retry", "to",
        "refund",
    ]

    init?(_ section: Section, status: String) {
        let scope = section.scope()
        let timeout = section.duration("timeout", isRequired: true)
        let to = section.target("to", outside: scope?.states)
        let completedTo = section.target("completed-to", default: "COMPLETED", outside: scope?.states)
        let timeouts = section.section("timeouts").flatMap(Timeouts.init)
        let retry = section.section("retry").flatMap(Retry.init)
        let refund = section.section("refund").flatMap(RefundRule.init)
        let heartbeat = section.text("heartbeat", expected: "the name of a field")
        let alive = section.template("alive")
        let completedWhen = section.text("completed-when", expected: "the name of a field")
        guard let scope, let timeout, let to, let completedTo else { return nil }
        self.init(
            status: status, states: scope.states, since: scope.since, heartbeat: heartbeat, timeout: timeout,
            timeouts: timeouts, alive: alive, completedWhen: completedWhen, completedTo: completedTo,
            retry: retry, to: to, refund: refund)
    }
}

extension StuckPolicy.Retry {
    init?(_ section: Section) {
        section.expect(["limit", "window", "to", "queue", "attempts"])
        let limit = section.integer("limit", isRequired: true, in: 0...100)
        let window = section.duration("window")
        let to = section.text("to", isRequired: true, expected: "a status")
        let queue = section.template("queue")
        let attempts = section.text("attempts", expected: "the name of a field")
        guard let limit, let to else { return nil }
        self.init(
            limit: limit, window: window ?? .seconds(72 * 3600), to: to, queue: queue,
            attempts: attempts ?? "attempts")
    }
}

extension StuckPolicy.RefundRule {
    init?(_ section: Section) {
        section.expect(["amount", "balance", "ledger"])
        let amount = section.text("amount", isRequired: true, expected: "the name of a field")
        let balance = section.template("balance", isRequired: true)
        let ledger = section.template("ledger", isRequired: true)
        guard let amount, let balance, let ledger else { return nil }
        self.init(amount: amount, balance: balance, ledger: ledger)
    }
}

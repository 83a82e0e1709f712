internal import Policies
internal import RedisClient

/// A quick look at the ledgers and balances of many refunds, one call for each node: which of them need a closer one.
///
/// Almost always a charge has no entry yet and a balance is a number. Asking for each by itself would cost several times
/// as much, on both sides.
struct RefundLookup: Sendable {
    /// What is asked of one node.
    private struct NodeLook {
        var call = RefundLookupCall()
        /// The refunds that the ledgers are of, by their numbers, and those that the balances are of.
        var ledgersOf: [Int] = []
        var balancesOf: [Int] = []
    }

    private let looks: [(node: RedisClient.Node, look: NodeLook)]
    /// Refunds with a key that no node is known to hold.
    private let strays: Set<Int>

    /// What to ask of whom.
    init(_ refunds: [Refund], _ owners: RedisClient.Owners) {
        var looks: [Int: NodeLook] = [:]
        var strays: Set<Int> = []
        for (number, refund) in refunds.enumerated() {
            guard let ledger = owners.number(of: refund.ledger), let balance = owners.number(of: refund.balance) else {
                strays.insert(number)
                continue
            }
            looks[ledger, default: NodeLook()].call.add(ledger: refund.ledger, entry: refund.entry)
            looks[ledger, default: NodeLook()].ledgersOf.append(number)
            looks[balance, default: NodeLook()].call.add(balance: refund.balance, amount: refund.amount)
            looks[balance, default: NodeLook()].balancesOf.append(number)
        }
        self.looks = looks.map { (owners.node($0), $1) }
        self.strays = strays
    }

    /// The refunds that must be looked at more closely, by their numbers, in order.
    func unusual(_ library: FunctionLibrary) async throws -> [Int] {
        try await library.compare()
        let sent = try looks.map { item in
            let command = item.look.call.command
            return (item, command, try library.redis.begin([library.outgoing(command)], on: item.node))
        }
        var unusual = strays
        for ((node, look), command, pending) in sent {
            let reply = try await library.checked(try await pending.replies()[0], of: command, on: node)
            let refunds = look.ledgersOf + look.balancesOf
            for place in try look.call.answer(reply) { unusual.insert(refunds[place]) }
        }
        return unusual.sorted()
    }
}

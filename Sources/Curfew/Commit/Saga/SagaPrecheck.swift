internal import Policies
internal import RedisClient

/// What is at the keys that a page writes to in other slots than its records', before anything is written.
///
/// A single server checks all keys of a change in the step that makes it. Here the others can only be looked at before the
/// record's: what they would refuse is refused whole, and only what changes in between leaves a change unfinished.
struct SagaPrecheck: Sendable {
    /// Why changes can't be made, by their places in the page.
    private(set) var refusals: [Int: String] = [:]
    /// The places whose charge has an entry in its ledger already.
    private(set) var paid: [Int] = []

    /// Looks at what the changes of a page need.
    init(_ page: [Evaluation], events: String, _ library: FunctionLibrary) async throws {
        let changes = page.indices.filter { page[$0].isChange }
        guard !changes.isEmpty else { return }
        let all = changes.compactMap { place in page[place].refundElsewhere.map { (place: place, refund: $0) } }
        let refunds = try await RefundLookup(all.map(\.refund), library.redis.owners).unusual(library).map { all[$0] }
        let queues = changes.flatMap { place in page[place].queuesElsewhere.map { (place: place, queue: $0) } }
        // Many jobs have one queue, and some have one owner.
        let balances = Array(Set(refunds.map { Place(key: $0.refund.balance, field: $0.refund.field) }))
        let ledgers = refunds.map(\.refund.ledger)
        let typed = Array(Set(queues.map(\.queue.key) + balances.map(\.key) + ledgers + [events]))
        let replies = try await library.redis.pipeline(
            refunds.map { RedisCommand("HEXISTS", [$0.refund.ledger, $0.refund.entry]) }
                + balances.map(\.command)
                + typed.map { RedisCommand("TYPE", [$0]) })
        let amounts = Dictionary(zip(balances, replies[refunds.count...])) { first, _ in first }
        let types = Dictionary(zip(typed, replies[(refunds.count + balances.count)...])) { first, _ in first }

        for ((place, refund), entry) in zip(refunds, replies) {
            let wrong =
                Self.refusal(of: refund.ledger, types[refund.ledger], "hash")
                ?? Self.refusal(
                    of: refund.balance, types[refund.balance], refund.field == nil ? "string" : "hash",
                    refund.field == nil ? "string with a number" : nil)
            if let wrong {
                refusals[place] = wrong
            } else if entry.integer == 1 {
                paid.append(place)
            } else if let why = entry.error?.message
                ?? Self.refusal(
                    of: amounts[Place(key: refund.balance, field: refund.field)], plus: refund)
            {
                refusals[place] = why
            }
        }
        for (place, queue) in queues {
            let kind = (queue.kind ?? .list).rawValue
            if let why = Self.refusal(of: queue.key, types[queue.key], kind) { refusals[place] = why }
        }
        if let why = Self.refusal(of: events, types[events], "stream") {
            for place in changes { refusals[place] = why }
        }
    }

    /// Why a key is none of that type, in the words of `curfew_commit`.
    private static func refusal(
        of key: String, _ reply: RedisValue?, _ expected: String, _ noun: String? = nil
    ) -> String? {
        if let error = reply?.error { return error.message }
        guard let type = reply?.string, type != "none", type != expected else { return nil }
        return "WRONGTYPE \(key) is a \(type): expected a \(noun ?? expected)"
    }

    /// Why nothing can be added to a balance, in the words of `curfew_commit`.
    private static func refusal(of balance: RedisValue?, plus refund: Refund) -> String? {
        guard let balance, !balance.isNull else { return nil }
        if let error = balance.error { return error.message }
        let text = balance.string ?? ""
        let found = "ERR \(refund.place) is “\(text.shortened(to: 80))”"
        guard let number = Amount(balance: text) else { return "\(found): expected a whole or decimal number" }
        guard !refund.amount.fits(number) else { return nil }
        return "\(found): \(refund.amount) more is too large for it"
    }

    /// Where a balance is.
    private struct Place: Hashable {
        let key: String
        let field: String?

        /// What reads it.
        var command: RedisCommand { field.map { RedisCommand("HGET", [key, $0]) } ?? RedisCommand("GET", [key]) }
    }
}

extension Evaluation {
    /// What it pays back with keys in other slots than the record's.
    fileprivate var refundElsewhere: Refund? {
        guard let refund = change?.refund else { return nil }
        let slot = RedisSlot.of(record.key)
        let isHere = RedisSlot.of(refund.ledger) == slot && RedisSlot.of(refund.balance) == slot
        return isHere ? nil : refund
    }

    /// The queues in other slots than the record's that it is put on.
    fileprivate var queuesElsewhere: [Push] {
        guard let change else { return [] }
        var queues: [Push] = []
        for case .put(let push) in change.effects where !Slots.share(record.key, push.key) { queues.append(push) }
        return queues
    }
}

/// What a ``Saga`` would come to: the same looks and the same parts of changes, none of which is made.
struct SagaCheck: Sendable {
    let scope: CommitScope

    /// What would become of each record of a page.
    func results(_ page: [Evaluation]) async throws -> [CommitResult] {
        let encoder = scope.encoder(at: scope.now)
        let (priced, refused) = try await scope.priced(try await scope.queued(page))
        var results = zip(priced, refused).map { judged, result -> CommitResult in
            switch (judged.decision, result) {
            case (_, .refused), (_, .malformed): return result
            case (.change(let change), _): return .changed(isRefunded: change.refund != nil)
            case (.leave(let leave), _): return .left(isStalled: leave.isStalled, stays: true)
            default: return .left(isStalled: false, stays: true)
            }
        }
        var steps: [(place: Int, step: SagaStep)] = []
        for (place, judged) in priced.enumerated() {
            guard case .changed = results[place], let change = judged.change else { continue }
            let split = SagaSplit(change, of: judged.record, at: place, encoder)
            steps.append((place, .change(split.first, of: judged.record)))
        }
        let calls = SagaCalls(library: scope.library, encoder: encoder, isCheck: true)
        for ((place, _), outcome) in zip(steps, try await calls.make(steps.map(\.step))) {
            switch outcome {
            case .made: break
            case .moved(ChangeEncoder.ledgerGuard): results[place] = .changed(isRefunded: false)
            case .moved(let number): results[place] = .moved(guardNumber: number)
            case .refused(let why): results[place] = .refused(why)
            }
        }
        return results
    }
}

extension Record {
    /// Whether it is a plain string.
    var isText: Bool {
        if case .text = content { true } else { false }
    }
}

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
    private let orphans: Set<Int>

    /// What to ask of whom.
    init(_ refunds: [Refund], _ owners: RedisClient.Owners) {
        var looks: [Int: NodeLook] = [:]
        var orphans: Set<Int> = []
        for (number, refund) in refunds.enumerated() {
            guard let ledger = owners.number(of: refund.ledger), let balance = owners.number(of: refund.balance) else {
                orphans.insert(number)
                continue
            }
            looks[ledger, default: NodeLook()].call.add(ledger: refund.ledger, entry: refund.entry)
            looks[ledger, default: NodeLook()].ledgersOf.append(number)
            looks[balance, default: NodeLook()].call.add(
                balance: refund.balance, field: refund.field, amount: refund.amount)
            looks[balance, default: NodeLook()].balancesOf.append(number)
        }
        self.looks = looks.map { (owners.node($0), $1) }
        self.orphans = orphans
    }

    /// The refunds that must be looked at more closely, by their numbers, in order.
    func unusual(_ library: FunctionLibrary) async throws -> [Int] {
        try await library.compare()
        let sent = try looks.map { item in
            let command = item.look.call.command
            return (item, command, try library.redis.begin([library.outgoing(command)], on: item.node))
        }
        var unusual = orphans
        for ((node, look), command, pending) in sent {
            let reply = try await library.checked(try await pending.replies()[0], of: command, on: node)
            let refunds = look.ledgersOf + look.balancesOf
            for place in try look.call.answer(reply) { unusual.insert(refunds[place]) }
        }
        return unusual.sorted()
    }
}

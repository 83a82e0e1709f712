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
        var all: [(place: Int, refund: Refund)] = []
        all.reserveCapacity(changes.count)
        for place in changes {
            guard case .change(let change) = page[place].decision, change.pays else { continue }
            if let refund = Self.refund(of: change, elsewhereThan: page[place].record.key) {
                all.append((place, refund))
            }
        }
        let refunds = try await RefundLookup(all.map(\.refund), library.redis.owners).unusual(library).map { all[$0] }
        var queues: [(place: Int, queue: Push)] = []
        for place in changes {
            guard case .change(let change) = page[place].decision, change.puts else { continue }
            for case .put(let push) in change.effects where !Slots.share(page[place].record.key, push.key) {
                queues.append((place, push))
            }
        }
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

    /// What a change pays back with keys in other slots than the record's.
    private static func refund(of change: Change, elsewhereThan key: String) -> Refund? {
        guard let refund = change.refund else { return nil }
        let slot = RedisSlot.of(key)
        let isHere = RedisSlot.of(refund.ledger) == slot && RedisSlot.of(refund.balance) == slot
        return isHere ? nil : refund
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
            guard !scope.cleanup.policy.guardsWhatWasRead else { continue }
            for other in split.others {
                steps.append((place, .look(other.item, at: other.item.otherKey ?? judged.record.key)))
            }
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
    private let calls: [(node: RedisClient.Node, call: RefundLookupCall)]
    /// Refunds with a key that no node is known to hold, or with an unusual amount.
    private let others: Set<Int>

    /// What to ask of whom.
    init(_ refunds: [Refund], _ owners: RedisClient.Owners) {
        var calls: [Int: RefundLookupCall] = [:]
        var others: Set<Int> = []
        for (number, refund) in refunds.enumerated() {
            guard RefundLookupCall.isPlain(refund.amount), let ledger = owners.number(of: refund.ledger),
                let balance = owners.number(of: refund.balance)
            else {
                others.insert(number)
                continue
            }
            calls[ledger, default: RefundLookupCall()].add(ledger: refund.ledger, entry: refund.entry, of: number)
            calls[balance, default: RefundLookupCall()].add(balance: refund.balance, field: refund.field, of: number)
        }
        self.calls = calls.map { (owners.node($0), $1) }
        self.others = others
    }

    /// The refunds that must be looked at more closely, by their numbers, in order.
    func unusual(_ library: FunctionLibrary) async throws -> [Int] {
        try await library.compare()
        let sent = try calls.map { item in
            let command = item.call.command
            return (item, command, try library.redis.begin([library.outgoing(command)], on: item.node))
        }
        var unusual = others
        for ((node, call), command, pending) in sent {
            let reply = try await library.checked(try await pending.replies()[0], of: command, on: node)
            unusual.formUnion(try call.answer(reply))
        }
        return unusual.sorted()
    }
}

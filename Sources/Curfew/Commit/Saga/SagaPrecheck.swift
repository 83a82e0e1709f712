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
        let queues = changes.compactMap { place in page[place].queueElsewhere.map { (place: place, queue: $0) } }
        // Many jobs have one queue, and some have one owner.
        let balances = Array(Set(refunds.map(\.refund.balance)))
        let ledgers = refunds.map(\.refund.ledger)
        let typed = Array(Set(queues.map(\.queue.key) + balances + ledgers + [events]))
        let replies = try await library.redis.pipeline(
            refunds.map { RedisCommand("HEXISTS", [$0.refund.ledger, $0.refund.entry]) }
                + balances.map { RedisCommand("GET", [$0]) }
                + typed.map { RedisCommand("TYPE", [$0]) })
        let amounts = Dictionary(zip(balances, replies[refunds.count...])) { first, _ in first }
        let types = Dictionary(zip(typed, replies[(refunds.count + balances.count)...])) { first, _ in first }

        for ((place, refund), entry) in zip(refunds, replies) {
            let wrong =
                Self.refusal(of: refund.ledger, types[refund.ledger], "hash")
                ?? Self.refusal(of: refund.balance, types[refund.balance], "string", "string with a whole number")
            if let wrong {
                refusals[place] = wrong
            } else if entry.integer == 1 {
                paid.append(place)
            } else if let why = entry.error?.message ?? Self.refusal(of: amounts[refund.balance], plus: refund) {
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
        let found = "ERR \(refund.balance) is “\(text.shortened(to: 80))”"
        guard let number = Int64(text), String(number) == text else { return "\(found): expected a whole number" }
        guard number.addingReportingOverflow(refund.amount).overflow else { return nil }
        return "\(found): \(refund.amount) more is too large for a whole number"
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

    /// The queue in another slot than the record's that it is put on.
    fileprivate var queueElsewhere: Push? {
        guard let queue = change?.push, !Slots.share(record.key, queue.key) else { return nil }
        return queue
    }
}

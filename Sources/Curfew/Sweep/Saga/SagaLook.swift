internal import Policies
internal import RedisClient

/// What is at the keys that a page writes to in other slots than its records', before anything is written.
///
/// A single server checks all keys of a change in the step that makes it. Here the others can only be looked at before the
/// record's: what they would refuse is refused whole, and only what changes in between leaves a change unfinished.
struct SagaLook: Sendable {
    /// Why changes can't be made, by their places in the page.
    private(set) var refusals: [Int: String] = [:]
    /// The places whose charge has an entry in its ledger already.
    private(set) var paid: [Int] = []

    /// Looks at what the changes of a page need.
    init(_ page: [Judged], events: String, _ library: FunctionLibrary) async throws {
        let changes = page.indices.filter { page[$0].isChange }
        guard !changes.isEmpty else { return }
        let all = changes.compactMap { place in page[place].refundElsewhere.map { (place: place, refund: $0) } }
        let refunds = try await RefundLook(all.map(\.refund), library.redis.owners).unusual(library).map { all[$0] }
        let queues = changes.compactMap { place in page[place].queueElsewhere.map { (place: place, queue: $0) } }
        // Many jobs have one queue, and some have one owner.
        let balances = Array(Set(refunds.map(\.refund.balance)))
        let typed = Array(Set(queues.map(\.queue))) + [events]
        let replies = try await library.redis.pipeline(
            refunds.map { RedisCommand("HEXISTS", [$0.refund.ledger, $0.refund.entry], isIdempotent: true) }
                + balances.map { RedisCommand("GET", [$0], isIdempotent: true) }
                + typed.map { RedisCommand("TYPE", [$0], isIdempotent: true) })
        let amounts = Dictionary(uniqueKeysWithValues: zip(balances, replies[refunds.count...]))
        let types = Dictionary(uniqueKeysWithValues: zip(typed, replies[(refunds.count + balances.count)...]))

        for ((place, refund), entry) in zip(refunds, replies) {
            if entry.integer == 1 {
                paid.append(place)
            } else if let why = entry.error?.message ?? Self.refusal(of: amounts[refund.balance], plus: refund.amount) {
                refusals[place] = why
            }
        }
        for (place, queue) in queues {
            if let why = Self.refusal(of: queue, types[queue], ["list", "stream"]) { refusals[place] = why }
        }
        if let why = Self.refusal(of: events, types[events], ["stream"]) {
            for place in changes { refusals[place] = why }
        }
    }

    /// Why a key is none of these, in the words of `curfew_commit`.
    private static func refusal(of key: String, _ reply: RedisValue?, _ types: [String]) -> String? {
        if let error = reply?.error { return error.message }
        guard let type = reply?.string, type != "none", !types.contains(type) else { return nil }
        return "WRONGTYPE \(key) is a \(type): expected a \(types[0])"
    }

    /// Why nothing can be added to a balance, in Redis's words.
    private static func refusal(of balance: RedisValue?, plus amount: Int64) -> String? {
        guard let balance, !balance.isNull else { return nil }
        if let error = balance.error { return error.message }
        guard let text = balance.string, let number = Int64(text), String(number) == text else {
            return "ERR value is not an integer or out of range"
        }
        return number.addingReportingOverflow(amount).overflow ? "ERR increment or decrement would overflow" : nil
    }
}

extension Judged {
    /// What it pays back with keys in other slots than the record's.
    fileprivate var refundElsewhere: Refund? {
        guard let refund = change?.refund else { return nil }
        let slot = RedisSlot.of(record.key)
        let isHere = RedisSlot.of(refund.ledger) == slot && RedisSlot.of(refund.balance) == slot
        return isHere ? nil : refund
    }

    /// The queue in another slot than the record's that it is pushed on.
    fileprivate var queueElsewhere: String? {
        guard let queue = change?.push?.key, !Slots.share(record.key, queue) else { return nil }
        return queue
    }
}

internal import Policies
internal import RedisClient

/// Charges whose refund was undone are paid once more.
extension Committer {
    /// The changes of these places, whose charge has an entry in its ledger already: with another entry where the refund
    /// was undone meanwhile, else without a refund.
    func repaid(_ places: [Int], of page: [Judged]) async throws -> [Judged] {
        let refunds = places.compactMap { page[$0].change?.refund }
        let replies = try await library.redis.pipeline(
            refunds.map { RedisCommand("HMGET", [$0.ledger] + RefundEntry.fields(of: $0.entry)) })
        if let error = replies.lazy.compactMap(\.error).first {
            throw CurfewError(.server, "reading the ledger of a refund: \(error.message)")
        }
        var next = 0
        return places.map { place in
            var judged = page[place]
            guard var change = judged.change, let refund = change.refund else { return judged }
            let ledger = replies[next].elements.map(\.string)
            next += 1
            change.refund = nil
            if let entry = RefundEntry.next(refund.entry, ledger: ledger) {
                change.refund = refund
                change.refund?.entry = entry
            }
            judged.decision = .change(change)
            return judged
        }
    }
}

internal import Policies
internal import RedisClient

/// Charges whose refund was undone are paid once more.
extension CommitScope {
    /// The page with refunds that are still owed, by what their ledgers hold now; refused already is what can't be written
    /// because of a key in another slot.
    ///
    /// In a Cluster such keys are out of reach of the step that changes the record, which then rests on this look.
    func priced(_ page: [Evaluation]) async throws -> (page: [Evaluation], results: [CommitResult]) {
        var page = page
        var results = page.map(Committer.untouched)
        let look = try await SagaPrecheck(page, events: keys.events, library)
        for (place, why) in look.refusals { results[place] = .refused(why) }
        guard !look.paid.isEmpty else { return (page, results) }
        for (place, judged) in zip(look.paid, try await repaid(look.paid, of: page)) { page[place] = judged }
        return (page, results)
    }

    /// The changes of these places, whose charge has an entry in its ledger already: with another entry where the refund
    /// was undone meanwhile, else without a refund.
    func repaid(_ places: [Int], of page: [Evaluation]) async throws -> [Evaluation] {
        let refunds = places.compactMap { page[$0].change?.refund }
        let replies = try await library.redis.pipeline(
            refunds.map { RedisCommand("HMGET", [$0.ledger] + RefundEntry.fields(of: $0.entry)) })
        if let error = replies.lazy.compactMap(\.error).first {
            throw CurfewError(error, "reading the ledger of a refund")
        }
        var next = 0
        return places.map { place in
            var judged = page[place]
            guard var change = judged.change, var refund = change.refund else { return judged }
            let ledger = replies[next].elements.map(\.string)
            next += 1
            // An undo takes one payment back, and no other.
            guard refund.amount > 0 else { return judged }
            if let entry = RefundEntry.next(refund.entry, ledger: ledger) {
                refund.entry = entry
                change = change.with(refund: refund)
            } else {
                change = change.unpaid
            }
            judged.decision = .change(change)
            return judged
        }
    }
}

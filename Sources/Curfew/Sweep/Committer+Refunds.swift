internal import Policies
internal import RedisClient

/// Charges whose refund was undone are paid once more.
extension Committer {
    /// The page with refunds that are still owed, by what their ledgers hold now; a ledger that is none refuses its change.
    ///
    /// In a Cluster a ledger may be out of reach of the step that changes the record, which then rests on this look.
    func priced(_ page: [Judged]) async throws -> (page: [Judged], results: [Result]) {
        var page = page
        var results = page.map(Self.untouched)
        let places = page.indices.filter { page[$0].isPaidElsewhere }
        guard !places.isEmpty else { return (page, results) }
        let replies = try await library.redis.pipeline(
            places.compactMap { page[$0].change?.refund }.map {
                RedisCommand("HEXISTS", [$0.ledger, $0.entry], isIdempotent: true)
            })
        var known: [Int] = []
        for (place, reply) in zip(places, replies) {
            if let error = reply.error { results[place] = .refused(error.message) }
            if reply.integer == 1 { known.append(place) }
        }
        guard !known.isEmpty else { return (page, results) }
        for (place, judged) in zip(known, try await repaid(known, of: page)) { page[place] = judged }
        return (page, results)
    }

    /// The changes of these places, whose charge has an entry in its ledger already: with another entry where the refund
    /// was undone meanwhile, else without a refund.
    func repaid(_ places: [Int], of page: [Judged]) async throws -> [Judged] {
        let refunds = places.compactMap { page[$0].change?.refund }
        let replies = try await library.redis.pipeline(
            refunds.map { RedisCommand("HMGET", [$0.ledger] + RefundEntry.fields(of: $0.entry)) })
        if let error = replies.lazy.compactMap(\.error).first {
            throw CurfewError(error, "reading the ledger of a refund")
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

extension Judged {
    /// Whether it pays something back with keys in other slots than the record's.
    fileprivate var isPaidElsewhere: Bool {
        guard let refund = change?.refund else { return false }
        return !Slots.share(record.key, refund.ledger) || !Slots.share(record.key, refund.balance)
    }
}

internal import Policies
internal import RedisClient

/// Carries out what was judged: one guarded, fenced commit call a page.
///
/// Without a claim it only asks Redis what would become of the same statements, for previews and dry runs.
struct Committer {
    let library: FunctionLibrary
    let keys: Keys
    let cleanup: Cleanup
    let claim: Claim?
    let journal: Journal

    /// What became of a judged record.
    enum Result: Sendable {
        /// It was changed; a refund was left out where the charge had been paid back before.
        case changed(isRefunded: Bool)
        /// It had moved meanwhile.
        case moved
        /// Redis would have refused the change, so nothing of it was written.
        case refused(String)
        /// It was malformed, and left as it was.
        case malformed(RecordError)
        /// It was left or dropped.
        case left(isStalled: Bool, stays: Bool)

        /// Whether the index entry is still where it was.
        var stays: Bool {
            switch self {
            case .changed: false
            case .moved, .refused, .malformed: true
            case .left(_, let stays): stays
            }
        }
    }

    /// A page that is ready to be sent.
    struct Prepared: Sendable {
        let page: [Evaluation]
        fileprivate let call: CommitCall
        fileprivate let places: [Int]
        let command: RedisCommand
        fileprivate let encoder: ChangeEncoder
        fileprivate let rescores: Bool

        /// Whether what only removes or frees may be sent by itself, because Redis has no memory left for the rest.
        fileprivate var mayBeBrief: Bool {
            !encoder.isCheck && !encoder.isBrief && (page.hasFreeing || page.allSatisfy(\.frees))
        }
    }

    /// Encodes a page.
    ///
    /// `rescores` is false where a record that isn't past its configured time may stand in front of the horizon (a run
    /// with a shorter timeout): its entry then stays as it is.
    func prepare(_ page: [Evaluation], at now: Timestamp, rescores: Bool) async throws -> Prepared {
        try await library.compare()
        return try await prepare(try await queued(page), encoder: encoder(at: now), rescores: rescores)
    }

    private func prepare(_ page: [Evaluation], encoder: ChangeEncoder, rescores: Bool) async throws -> Prepared {
        var call = makeCall()
        var known = ChangeEncoder.Known()
        var places: [Int] = []
        places.reserveCapacity(page.count)
        for (place, judged) in page.enumerated() {
            switch judged.decision {
            case .change(let change): encoder.add(change, of: judged.record, to: &call, &known)
            // Nothing can be refused of these.
            case .drop where claim == nil, .leave where claim == nil: continue
            case .drop(_, let guards):
                encoder.add(dropOf: judged.entry, key: judged.record.key, guards: guards, to: &call, &known)
            case .leave(var leave):
                if !rescores { leave.until = nil }
                guard encoder.add(leave: leave, entry: judged.entry, to: &call, &known) else { continue }
            case .malformed: continue
            }
            places.append(place)
        }
        let command = encoder.isBrief ? call.note() : call.command()
        return Prepared(
            page: page, call: call, places: places, command: library.outgoing(command), encoder: encoder,
            rescores: rescores)
    }

    /// What encodes the changes of a page.
    func encoder(at now: Timestamp) -> ChangeEncoder {
        ChangeEncoder(
            cleanup: cleanup, run: claim?.run ?? "preview", keys: keys, time: String(now.milliseconds),
            journal: journal, isCheck: claim == nil)
    }

    /// The page with what the queues of its changes are; a change that can't be put on its queue is its record's error.
    func queued(_ page: [Evaluation]) async throws -> [Evaluation] {
        guard (cleanup.policy as? StuckPolicy)?.retry?.queue != nil else { return page }
        let queues = Array(Set(page.compactMap(\.change?.push?.key)))
        let kinds = try await QueueKinds(queues, library.redis, keys, isNoting: claim != nil)
        return page.map { judged in
            guard var change = judged.change, let push = change.push else { return judged }
            var judged = judged
            do throws(RecordError) {
                change.push?.kind = try kinds.kind(of: push)
                judged.decision = .change(change)
            } catch {
                judged.decision = .malformed(error)
            }
            return judged
        }
    }

    /// What became of each record of a page, from the reply to its command.
    func results(of prepared: Prepared, reply: RedisValue) async throws -> [Result] {
        let page = prepared.page
        var results = untouched(page)
        guard !prepared.places.isEmpty else { return results }
        if reply.error?.code == "NOPERM" { return try await oneByOne(prepared) }
        if let error = reply.error, error.code == FullMemory.code, prepared.mayBeBrief {
            return try await onlyFreeing(prepared, FullMemory.refusal(error.message))
        }
        let outcomes = try prepared.call.outcomes(of: try await library.checked(reply, of: prepared.command))
        var paid: [Int] = []
        for (place, outcome) in zip(prepared.places, outcomes) {
            if case .moved(ChangeEncoder.ledgerGuard) = outcome, page[place].hasRefund {
                paid.append(place)
            } else {
                results[place] = Self.result(outcome, of: page[place], rescores: prepared.rescores)
            }
        }
        return try await commitWithoutRefund(paid, of: page, prepared.encoder, into: results)
    }

    /// Where Redis has no memory left for a page, what only removes or frees goes through by itself, and `why` is the error
    /// of all other records.
    private func onlyFreeing(_ prepared: Prepared, _ why: String) async throws -> [Result] {
        let page = prepared.page
        var results = untouched(page)
        for place in prepared.places where !page[place].frees { results[place] = .refused(why) }
        let places = page.indices.filter { page[$0].frees }
        var encoder = prepared.encoder
        encoder.isBrief = true
        let brief = try await prepare(places.map { page[$0] }, encoder: encoder, rescores: prepared.rescores)
        guard !brief.places.isEmpty else { return results }
        let made = try await self.results(of: brief, reply: try await library.call(brief.command))
        for (place, result) in zip(places, made) { results[place] = result }
        return results
    }

    /// A key outside the user's rights refuses the whole call, before any of it is made: then each change is sent alone, so
    /// that it is the error of its record.
    ///
    /// Throws where it is one of the keys that all changes share.
    private func oneByOne(_ prepared: Prepared) async throws -> [Result] {
        let empty = makeCall()
        _ = try empty.outcomes(of: try await library.call(empty.command()))
        let page = prepared.page
        var results = untouched(page)
        for place in prepared.places {
            let single = try await prepare([page[place]], encoder: prepared.encoder, rescores: prepared.rescores)
            do {
                let reply = try await library.call(single.command)
                results[place] = try await self.results(of: single, reply: reply)[0]
            } catch let error as CurfewError where error.underlying?.server?.code == "NOPERM" {
                results[place] = .refused(try await missingRight(single))
            }
        }
        return results
    }

    /// Which right a change lacks: asked by a call that declares no keys, and so gets as far as the first that is refused.
    private func missingRight(_ single: Prepared) async throws -> String {
        let record = single.page[0].record
        guard let change = single.page[0].change else { return "NOPERM this user has no right to \(record.key)" }
        var call = CommitCall(lease: nil, index: "", shared: [], isCheck: true)
        var known = ChangeEncoder.Known()
        single.encoder.add(change, of: record, isPart: true, to: &call, &known)
        if case .refused(let why) = try call.outcomes(of: try await library.call(call.nodeCommand()))[0] { return why }
        return "NOPERM this user has no right to one of the keys that are written with \(record.key)"
    }

    /// The charge was refunded before, by an earlier sweep or by the app: what is left is the rest of the change, unless
    /// that refund was undone.
    private func commitWithoutRefund(
        _ places: [Int], of page: [Evaluation], _ encoder: ChangeEncoder, into results: [Result]
    ) async throws -> [Result] {
        guard !places.isEmpty else { return results }
        var results = results
        var call = makeCall()
        var known = ChangeEncoder.Known()
        var changed: [Evaluation] = []
        for judged in try await repaid(places, of: page) {
            if let change = judged.change { encoder.add(change, of: judged.record, to: &call, &known) }
            changed.append(judged)
        }
        let outcomes = try call.outcomes(of: try await library.call(call.command()))
        for ((place, judged), outcome) in zip(zip(places, changed), outcomes) {
            results[place] = Self.result(outcome, of: judged, rescores: true)
            if case .changed = results[place] {
                results[place] = .changed(isRefunded: judged.change?.refund != nil)
            }
        }
        return results
    }

    /// An empty call under the lease; about the cleanup's own index, unless another is named.
    func makeCall(index other: String? = nil) -> CommitCall {
        let index = other ?? cleanup.indexKey(keys)
        return CommitCall(
            lease: claim.map { (keys.lease(cleanup.name), $0.term) }, index: index,
            shared: [index, keys.events, keys.seen(cleanup.name)], isCheck: claim == nil)
    }

    /// The result where nothing is sent.
    static func untouched(_ judged: Evaluation) -> Result {
        switch judged.decision {
        case .malformed(let error): .malformed(error)
        case .leave(let leave): .left(isStalled: leave.isStalled, stays: true)
        case .change, .drop: .moved
        }
    }

    /// The results before anything is answered; a look leaves what it would drop where it is.
    private func untouched(_ page: [Evaluation]) -> [Result] {
        page.map { judged in
            if claim == nil, case .drop = judged.decision { return .left(isStalled: false, stays: true) }
            return Self.untouched(judged)
        }
    }

    private static func result(_ outcome: CommitCall.Outcome, of judged: Evaluation, rescores: Bool) -> Result {
        switch (judged.decision, outcome) {
        case (.change, .made): .changed(isRefunded: true)
        case (.change, .moved): .moved
        case (.change, .refused(let why)): .refused(why)
        case (.leave(let leave), .made): .left(isStalled: leave.isStalled, stays: leave.until == nil || !rescores)
        case (.leave(let leave), _): .left(isStalled: leave.isStalled, stays: true)
        case (.drop, .made): .left(isStalled: false, stays: false)
        case (.drop, _): .left(isStalled: false, stays: true)
        case (.malformed(let error), _): .malformed(error)
        }
    }
}

extension Evaluation {
    /// Whether the verdict is a change.
    var isChange: Bool {
        if case .change = decision { true } else { false }
    }

    /// Whether it is a change that pays something back.
    fileprivate var hasRefund: Bool { change?.refund != nil }

    /// The change, where the verdict is one.
    var change: Change? {
        guard case .change(let change) = decision else { return nil }
        return change
    }
}

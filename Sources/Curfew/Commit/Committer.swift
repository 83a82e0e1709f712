internal import Policies
internal import RedisClient

/// Carries out what was judged: one guarded, fenced commit call a page.
///
/// Without a claim it only asks Redis what would become of the same statements, for previews and dry runs.
struct Committer {
    let scope: CommitScope

    typealias Result = CommitResult

    var library: FunctionLibrary { scope.library }
    var keys: Keys { scope.keys }
    var cleanup: Cleanup { scope.cleanup }
    var lease: LeaseTerm? { scope.lease }

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
    ///
    /// - Parameter kinds: what the queues of its changes are, where that is known already.
    func prepare(
        _ page: [Evaluation], kinds: QueueKinds? = nil, at now: Timestamp, rescores: Bool
    ) async throws -> Prepared {
        try await library.compare()
        let queued = try await scope.queued(page, kinds: kinds)
        return try await prepare(queued, encoder: scope.encoder(at: now), rescores: rescores)
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
            case .drop where lease == nil, .leave where lease == nil: continue
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
            if outcome == .moved(guardNumber: ChangeEncoder.ledgerGuard), page[place].hasRefund {
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
        for judged in try await scope.repaid(places, of: page) {
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

    /// An empty call under the lease, about the cleanup's own index.
    private func makeCall() -> CommitCall { scope.makeCall() }

    /// The result where nothing is sent.
    static func untouched(_ judged: Evaluation) -> Result {
        switch judged.decision {
        case .malformed(let error): .malformed(error)
        case .leave(let leave): .left(isStalled: leave.isStalled, stays: true)
        case .change, .drop: .moved(guardNumber: nil)
        }
    }

    /// The results before anything is answered; a look leaves what it would drop where it is.
    private func untouched(_ page: [Evaluation]) -> [Result] {
        page.map { judged in
            if lease == nil, case .drop = judged.decision { return .left(isStalled: false, stays: true) }
            return Self.untouched(judged)
        }
    }

    private static func result(_ outcome: CommitCall.Outcome, of judged: Evaluation, rescores: Bool) -> Result {
        switch (judged.decision, outcome) {
        case (.change(let change), .made): .changed(isRefunded: change.pays)
        case (.change, .moved(let number)): .moved(guardNumber: number)
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
    /// Whether it is a change that pays something back; an undo takes it back, once.
    fileprivate var hasRefund: Bool { (change?.paid ?? 0) > 0 }
}

extension Committer: Committing {
    func commit(_ page: [Evaluation], rescores: Bool, repeats: Bool) async throws -> [CommitResult] {
        guard !page.isEmpty else { return [] }
        guard repeats else { return try await send(page, rescores: rescores) }
        var tries = 0
        var results = try await scope.retrying {
            tries += 1
            if let loss = scope.control.loss { throw loss }
            return try await send(page, rescores: rescores)
        }
        guard tries > 1 else { return results }
        // A change that the lost reply was about is made already: its guards don't hold any more.
        let moved = results.indices.filter { if case .moved = results[$0] { true } else { false } }
        let exists = moved.map { RedisCommand("EXISTS", [page[$0].record.key]) }
        let replies = try await scope.retrying { try await library.redis.pipeline(exists) }
        for (place, reply) in zip(moved, replies) where reply.integer == 0 && page[place].change?.removesRecord == true
        {
            results[place] = .changed(isRefunded: false)
        }
        return results
    }

    private func send(_ page: [Evaluation], rescores: Bool) async throws -> [CommitResult] {
        let prepared = try await prepare(page, at: scope.now, rescores: rescores)
        return try await results(of: prepared, reply: try await library.redis.pipeline([prepared.command])[0])
    }

    /// Nothing is kept.
    func close() async throws {}

    /// Nothing is begun that could be unfinished.
    func finishEarlier() async throws -> [Finished] { [] }
}

internal import RedisClient

/// Sends the steps of a saga to the nodes that hold their slots: one call for each node, all in flight at once.
///
/// A call carries no declared keys, because they would have to share a slot. What a node then doesn't have, since a slot
/// has moved or is moving, it refuses before anything of that step is written; such a step is sent again alone, with its
/// keys declared, and the client follows where it is sent.
struct SagaCalls: Sendable {
    let library: FunctionLibrary
    let encoder: ChangeEncoder
    /// Whether it is only asked what would become of the steps.
    var isCheck = false
    /// Whether all steps only look, remove or free, and go where there is no memory left.
    private var isNote = false

    /// Makes it; `isCheck` only asks.
    init(library: FunctionLibrary, encoder: ChangeEncoder, isCheck: Bool = false) {
        (self.library, self.encoder, self.isCheck) = (library, encoder, isCheck)
    }

    /// The steps that go to one node.
    private struct NodeCall {
        var call: CommitCall
        var forms: [(step: SagaStep, number: Int)] = []
        /// Where the steps stand among all.
        var places: [Int] = []

        init(isCheck: Bool) {
            call = CommitCall(lease: nil, index: "", shared: [], isCheck: isCheck)
        }

        mutating func append(_ step: SagaStep, at place: Int, _ encoder: ChangeEncoder) {
            places.append(place)
            if let form = forms.last(where: { $0.step.hasForm(of: step) }) {
                _ = call.append(.same(form.number), member: step.member) { step.encode(by: encoder, to: &$0) }
            } else {
                var sink = StatementSink(index: .none, hasMember: step.member != nil)
                step.encode(by: encoder, to: &sink)
                let number = call.append(.new(sink.statement), member: step.member) {
                    step.encode(by: encoder, to: &$0)
                }
                forms.append((step, number))
            }
        }
    }

    /// Makes the steps, each for itself; what became of them, in order.
    ///
    /// - Throws: The first error where a node could not be asked; what became of the steps is then unknown.
    func make(_ steps: [SagaStep]) async throws -> [CommitCall.Outcome] {
        guard !steps.isEmpty else { return [] }
        try await library.compare()
        let owners = library.redis.owners
        var byNode: [Int: NodeCall] = [:]
        var orphans: [Int] = []
        for (place, step) in steps.enumerated() {
            guard let node = owners.number(of: step.key) else {
                orphans.append(place)
                continue
            }
            byNode[node, default: NodeCall(isCheck: isCheck)].append(step, at: place, encoder)
        }
        // Each goes out before the next is put together: its node is at work meanwhile.
        let sent = byNode.map { number, call in
            (call: call, sent: begin(call.call.nodeCommand(isNote: isNote), on: owners.node(number)))
        }
        let replies = await replies(to: sent.map(\.sent))
        var outcomes = [CommitCall.Outcome](repeating: .made, count: steps.count)
        var full: [Int] = []
        for ((call, _), reply) in zip(sent, replies) {
            if let why = fullMemory(reply) {
                full += call.places
                for place in call.places { outcomes[place] = .refused(why) }
                continue
            }
            for (place, outcome) in zip(call.places, try call.call.outcomes(of: try reply.get())) {
                if case .refused(let why) = outcome, Self.isElsewhere(why) { orphans.append(place) }
                outcomes[place] = outcome
            }
        }
        for (place, outcome) in zip(orphans, try await makeAlone(orphans.map { steps[$0] })) {
            outcomes[place] = outcome
        }
        let freeing = full.filter { steps[$0].frees }
        guard !freeing.isEmpty else { return outcomes }
        var notes = self
        notes.isNote = true
        for (place, outcome) in zip(freeing, try await notes.make(freeing.map { steps[$0] })) {
            outcomes[place] = outcome
        }
        return outcomes
    }

    /// Why a node without memory left refused a call, of which it has made nothing then.
    private func fullMemory(_ reply: Result<RedisValue, any Error>) -> String? {
        guard !isNote, !isCheck, case .failure(let error) = reply, FullMemory.isMeant(error) else { return nil }
        return FullMemory.refusal(of: error)
    }

    /// A call on its way.
    private struct Sent {
        /// Where it goes; nil where the client finds that by the keys that the command declares.
        let node: RedisClient.Node?
        let command: RedisCommand
        let pending: Result<RedisClient.PendingReplies, any Error>
    }

    private func begin(_ command: RedisCommand, on node: RedisClient.Node?) -> Sent {
        let pending: Result<RedisClient.PendingReplies, any Error> = Result {
            guard let node else { return try library.redis.begin([library.outgoing(command)]) }
            return try library.redis.begin([library.outgoing(command)], on: node)
        }
        return Sent(node: node, command: command, pending: pending)
    }

    /// Waits for all calls, even where one fails: nothing is on its way when this is over.
    private func replies(to calls: [Sent]) async -> [Result<RedisValue, any Error>] {
        var replies: [Result<RedisValue, any Error>] = []
        for call in calls {
            do {
                let reply = try await call.pending.get().replies()[0]
                replies.append(.success(try await library.checked(reply, of: call.command, on: call.node)))
            } catch {
                replies.append(.failure(error))
            }
        }
        return replies
    }

    /// Makes steps each in a call of its own, which says what keys it has.
    private func makeAlone(_ steps: [SagaStep]) async throws -> [CommitCall.Outcome] {
        guard !steps.isEmpty else { return [] }
        let calls = steps.map { step in
            var single = NodeCall(isCheck: isCheck)
            single.append(step, at: 0, encoder)
            return single.call
        }
        let replies = await replies(
            to: zip(calls, steps).map { call, step in
                begin(call.nodeCommand(isAlone: true, isNote: step.frees && !isCheck), on: nil)
            })
        return try zip(calls, replies).map { call, reply in try Self.outcomes(of: call, alone: reply)[0] }
    }

    /// Where the slot is, nobody can have it now: then that is an error of this record alone.
    private static func outcomes(
        of call: CommitCall, alone reply: Result<RedisValue, any Error>
    ) throws -> [CommitCall.Outcome] {
        do {
            return try call.outcomes(of: try reply.get())
        } catch let error as CurfewError where FullMemory.isMeant(error) {
            return [.refused(FullMemory.refusal(of: error))]
        } catch let error as CurfewError where error.code == .server && !CommitScope.isPassing(error) {
            return [.refused(error.message)]
        }
    }

    /// Whether a node says that it doesn't hold a key, or doesn't serve now: Redis in the first and third of these words,
    /// Valkey 9 in the second and third.
    static func isElsewhere(_ why: String) -> Bool {
        ["Script attempted to", "Attempted to access", "while the cluster is down"].contains { why.contains($0) }
    }
}

extension SagaCalls {
    /// What became of a part of a page.
    enum PartOutcome {
        /// Each of its changes was answered for, in order.
        case answered([CommitCall.Outcome])
        /// The mark isn't on that node (any more), so nothing was made.
        case markElsewhere
        /// There is no answer: it may have been made, or be made yet.
        case failed(any Error)
    }

    /// Makes the records' parts of changes, with what shows that they are made.
    func make(_ parts: [SagaPart], of work: SagaWork) async -> [PartOutcome] {
        let sent = parts.map { part in
            var call = CommitCall(lease: nil, index: "", shared: [])
            var known = ChangeEncoder.Known()
            for split in work.splits(of: part) {
                encoder.add(split.first, of: split.record, isPart: true, to: &call, &known)
            }
            let mark = CommitArguments.NodeMark(
                key: part.mark.key, closed: part.mark.closed, field: part.field, omitted: part.omitted,
                text: work.text(of: part))
            let command = call.nodeCommand(under: mark, isAlone: part.node == nil, isNote: part.isBrief)
            return (part: part, call: call, sent: begin(command, on: part.node))
        }
        return zip(sent, await replies(to: sent.map(\.sent))).map { item, reply in
            let (part, call, _) = item
            do {
                if let why = Self.refusal(ofMark: try reply.get()) {
                    guard Self.isElsewhere(why), part.node != nil else { throw CurfewError(.server, why) }
                    return .markElsewhere
                }
                return .answered(try call.outcomes(of: try reply.get()))
            } catch {
                guard part.node == nil, !FullMemory.isMeant(error) else { return .failed(error) }
                do {
                    return .answered(try Self.outcomes(of: call, alone: .failure(error)))
                } catch {
                    return .failed(error)
                }
            }
        }
    }

    private static func refusal(ofMark reply: RedisValue) -> String? {
        reply[0].string == "mark" ? reply[1].string ?? "the mark can't be read" : nil
    }
}

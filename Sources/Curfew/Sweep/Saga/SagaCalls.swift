internal import RedisClient

/// Sends the steps of a saga to the nodes that hold their slots: one call for each node, all in flight at once.
///
/// A call carries no declared keys, because they would have to share a slot. What a node then doesn't have, since a slot
/// has moved or is moving, it refuses before anything of that step is written; such a step is sent again alone, with its
/// keys declared, and the client follows where it is sent.
struct SagaCalls: Sendable {
    let library: FunctionLibrary
    let encoder: ChangeEncoder

    /// The steps that go to one node.
    private struct NodeCall {
        var call = CommitCall(lease: nil, index: "", shared: [])
        var known = ChangeEncoder.Known()
        var forms: [(step: SagaStep, number: Int)] = []
        /// Where the steps stand among all.
        var places: [Int] = []

        mutating func append(_ step: SagaStep, at place: Int, _ encoder: ChangeEncoder) {
            places.append(place)
            if case .change(let split, let mark) = step {
                encoder.add(split.first, of: split.record, mark: mark, to: &call, &known)
            } else if let form = forms.last(where: { $0.step.hasForm(of: step) }) {
                _ = call.append(.same(form.number), member: "") { step.tell(by: encoder, to: &$0) }
            } else {
                var sink = StatementSink(index: .none)
                step.tell(by: encoder, to: &sink)
                let number = call.append(.new(sink.statement), member: "") { step.tell(by: encoder, to: &$0) }
                forms.append((step, number))
            }
        }
    }

    /// Makes the steps, each for itself; what became of them, in order.
    ///
    /// - Throws: The first error where a node could not be asked; what became of the steps is then unknown.
    func make(_ steps: [SagaStep]) async throws -> [CommitCall.Outcome] {
        guard !steps.isEmpty else { return [] }
        let owners = library.redis.owners
        var calls: [Int: NodeCall] = [:]
        var strays: [Int] = []
        for (place, step) in steps.enumerated() {
            guard let node = owners.number(of: step.key) else {
                strays.append(place)
                continue
            }
            calls[node, default: NodeCall()].append(step, at: place, encoder)
        }
        var outcomes = [CommitCall.Outcome](repeating: .made, count: steps.count)
        for sent in try await send(calls.map { (owners.node($0), $1) }) {
            let reply = try await library.checked(sent.reply, of: sent.command, on: sent.node)
            for (place, outcome) in zip(sent.call.places, try sent.call.call.outcomes(of: reply)) {
                if case .refused(let why) = outcome, Self.isElsewhere(why) { strays.append(place) }
                outcomes[place] = outcome
            }
        }
        for (place, outcome) in zip(strays, try await makeAlone(strays.map { steps[$0] })) { outcomes[place] = outcome }
        return outcomes
    }

    /// A call that was answered.
    private struct Answered {
        let node: RedisClient.Node
        let call: NodeCall
        let command: RedisCommand
        let reply: RedisValue
    }

    /// Asks all nodes, and waits for all of them even where one fails: nothing is on its way when this is over.
    private func send(_ calls: [(RedisClient.Node, NodeCall)]) async throws -> [Answered] {
        var pending: [(RedisClient.Node, NodeCall, RedisCommand, RedisClient.PendingReplies)] = []
        var failure: RedisError?
        for (node, call) in calls {
            let command = call.call.nodeCommand()
            do {
                pending.append((node, call, command, try library.redis.begin([command], on: node)))
            } catch {
                failure = failure ?? error
            }
        }
        var answered: [Answered] = []
        for (node, call, command, sent) in pending {
            do {
                answered.append(Answered(node: node, call: call, command: command, reply: try await sent.replies()[0]))
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return answered
    }

    /// Makes steps each in a call of its own, which says what keys it has.
    private func makeAlone(_ steps: [SagaStep]) async throws -> [CommitCall.Outcome] {
        guard !steps.isEmpty else { return [] }
        let calls = steps.map { step in
            var single = NodeCall(call: CommitCall(lease: nil, index: step.key, shared: []))
            single.append(step, at: 0, encoder)
            return single.call
        }
        let commands = calls.map { $0.command() }
        var outcomes: [CommitCall.Outcome] = []
        for (number, reply) in try await library.redis.pipeline(commands).enumerated() {
            do {
                let reply = try await library.checked(reply, of: commands[number])
                outcomes.append(try calls[number].outcomes(of: reply).first ?? .made)
            } catch {
                // Where the slot is, nobody can have it now: an error of this record alone.
                guard error.code == .server else { throw error }
                outcomes.append(.refused(error.message))
            }
        }
        return outcomes
    }

    /// Whether a node says that it doesn't hold a key, or doesn't serve now: Redis in the first and third of these words,
    /// Valkey 9 in the second and third.
    static func isElsewhere(_ why: String) -> Bool {
        ["Script attempted to", "Attempted to access", "while the cluster is down"].contains { why.contains($0) }
    }
}

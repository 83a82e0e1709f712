internal import Foundation
internal import Policies
internal import RedisClient

/// Puts records back in a Cluster, where the keys of a change are in several slots, each of which is a step of its own.
///
///     looked at              the record's slot                   the other slots           the record's slot
///     guards of the others ► guards, record as it was, plan ►    each its part, once   ►   plan taken away
///
/// - **The record comes first**, guarded by what the run has written, and with all other keys of its slot. In the same step
///   the rest is written down beside it, so that whoever comes next knows what is still to be done.
/// - **Each other part is made once**: it is guarded by the absence of a key in its own slot, which it writes.
/// - **What was broken off** goes on when the run is undone again: a record with a plan is not judged anew.
/// - The guards of other slots are looked at before, and once more in their own step; a part that doesn't hold then any
///   more (the refund was taken back by hand, the id was taken from its queue) is left out.
/// - The change itself is through: every run, this one too, first finishes what others have begun (``SagaRecovery``).
/// - The fence is checked before the page, and again in the step that writes the event.
///
/// A step that Redis refuses, such as on a balance that is no number, stays in the plan and is an error of its record.
/// Plans and the marks of their parts expire when what was removed does; after that nothing is taken up again. The marks of a
/// record that this undo has begun and brought to its end go with its plan: nobody else has ever known of its parts.
struct UndoSaga {
    let engine: Engine
    let undo: Undo
    let claim: Claim

    /// A record that is being put back.
    struct Step {
        let event: UndoEvent
        /// The part in the record's slot; nil where it is done.
        var first: PlainChange?
        /// The parts in other slots.
        var rest: [PlainChange.Part]
    }

    /// The change in steps.
    func step(_ event: UndoEvent, _ change: PlainChange) -> Step {
        let cleanup = undo.cleanup
        let shared: [Statement.SharedKey: String] = [
            .index: cleanup.indexKey(engine.keys), .events: engine.keys.events,
            .seen: engine.keys.seen(cleanup.name),
        ]
        let parts = change.parts(first: event.key, shared: shared)
        return Step(event: event, first: parts[0].change, rest: Array(parts.dropFirst()))
    }

    /// What was begun and broke off, by its place among the events.
    func begun(_ events: [UndoEvent]) async throws -> [Int: Step] {
        guard !events.isEmpty else { return [:] }
        let replies = try await engine.redis.pipeline(
            events.map { RedisCommand("GET", [plan(of: $0)]) })
        var begun: [Int: Step] = [:]
        for (place, reply) in replies.enumerated() {
            if let error = reply.error {
                throw CurfewError(error, "reading what an undo has begun")
            }
            guard let text = reply.string else { continue }
            do {
                let rest = try JSONDecoder().decode([PlainChange.Part].self, from: Data(text.utf8))
                begun[place] = Step(event: events[place], first: nil, rest: rest)
            } catch {
                throw CurfewError(.damaged, "\(plan(of: events[place])) can't be read: \(error)")
            }
        }
        return begun
    }

    /// Takes all steps of a page.
    func commit(_ steps: [Step]) async throws -> [UndoOutcome] {
        var outcomes = [UndoOutcome](repeating: .putBack, count: steps.count)
        _ = try await made([], underFence: true)
        try await ask(steps, &outcomes)
        try await makeFirst(steps, &outcomes)
        try await makeRest(steps, &outcomes)
        let through = steps.indices.filter { outcomes[$0] == .putBack && !steps[$0].rest.isEmpty }
        let removals = through.map { RedisCommand.repeatable("DEL", [plan(of: steps[$0].event)]) }
        for error in try await engine.redis.pipeline(removals).lazy.compactMap(\.error) {
            throw CurfewError(error, "ending an undo")
        }
        try await removeMarks(of: through.map { steps[$0] })
        return outcomes
    }

    /// Takes away what shows that parts are done, where nobody can come to do them again.
    ///
    /// What broke off before may be in the hands of somebody who was frozen, so its marks stay until they expire. And who
    /// has taken over the lease meanwhile may have read a plan before it went: then all stay.
    private func removeMarks(of steps: [Step]) async throws {
        let marks = steps.filter { $0.first != nil }.flatMap { step in
            step.rest.filter { !$0.change.writes.isEmpty }.map {
                Keys.undone(step.event, run: undo.run, beside: $0.key)
            }
        }
        guard !marks.isEmpty else { return }
        _ = try await made([], underFence: true)
        let removals = marks.map { RedisCommand.repeatable("DEL", [$0]) }
        for error in try await engine.redis.pipeline(removals).lazy.compactMap(\.error) {
            throw CurfewError(error, "ending an undo")
        }
    }

    /// Whether the guards of other slots hold, and balances are numbers, before anything is written.
    private func ask(_ steps: [Step], _ outcomes: inout [UndoOutcome]) async throws {
        try await askBalances(steps, &outcomes)
        var asked: [(place: Int, part: PlainChange.Part)] = []
        for (place, step) in steps.enumerated() where step.first != nil {
            for var part in step.rest where !part.change.checks.isEmpty {
                part.change.writes = []
                asked.append((place, part))
            }
        }
        for ((place, part), result) in zip(asked, try await made(asked.map(\.part)))
        where outcomes[place] == .putBack {
            outcomes[place] = UndoOutcome(result, of: part.change)
        }
    }

    private func askBalances(_ steps: [Step], _ outcomes: inout [UndoOutcome]) async throws {
        var asked: [(place: Int, key: String)] = []
        for (place, step) in steps.enumerated() where step.first != nil {
            for write in step.rest.flatMap(\.change.writes) where write.command == "INCRBY" {
                if case .own(let key) = write.key { asked.append((place, key)) }
            }
        }
        let replies = try await engine.redis.pipeline(asked.map { RedisCommand("GET", [$0.key]) })
        for ((place, key), reply) in zip(asked, replies) {
            let isNumber = reply.isNull || reply.string.flatMap { Int64($0) } != nil
            if !isNumber {
                let found = reply.error?.message ?? "ERR \(key) is “\(reply.string ?? "")”: expected a whole number"
                outcomes[place] = .failed(found)
            }
        }
    }

    private func makeFirst(_ steps: [Step], _ outcomes: inout [UndoOutcome]) async throws {
        var firsts: [(place: Int, part: PlainChange.Part)] = []
        for (place, step) in steps.enumerated() where outcomes[place] == .putBack {
            guard var change = step.first else { continue }
            if !step.rest.isEmpty {
                let text = String(decoding: try JSONEncoder().encode(step.rest), as: UTF8.self)
                change.write("SET", .own(plan(of: step.event)), [.value(text), .constant("PX"), .constant(expiry)])
            }
            firsts.append((place, .init(key: step.event.key, change: change)))
        }
        for ((place, part), result) in zip(firsts, try await made(firsts.map(\.part))) {
            outcomes[place] = UndoOutcome(result, of: part.change)
        }
    }

    private func makeRest(_ steps: [Step], _ outcomes: inout [UndoOutcome]) async throws {
        var rest: [(place: Int, part: PlainChange.Part)] = []
        for (place, step) in steps.enumerated() where outcomes[place] == .putBack {
            for var part in step.rest where !part.change.writes.isEmpty {
                let mark = Keys.undone(step.event, run: undo.run, beside: part.key)
                part.change.checks.insert(.init(check: .missing, key: mark, complaint: ""), at: 0)
                part.change.write("SET", .own(mark), [.constant("1"), .constant("PX"), .constant(expiry)])
                rest.append((place, part))
            }
        }
        for ((place, _), result) in zip(rest, try await made(rest.map(\.part), underFence: true)) {
            guard case .refused(let why) = result else { continue }
            outcomes[place] = .failed("put back but for one step, which “curfew undo \(undo.run)” tries again: \(why)")
        }
    }

    /// Makes each part in its slot, all at once.
    ///
    /// Those in the slot of Curfew's own keys are made under the fence, where that is asked; so is none at all, which only
    /// looks at the fence.
    private func made(
        _ parts: [PlainChange.Part], underFence isFenced: Bool = false
    ) async throws -> [CommitCall.Outcome] {
        let lease = (key: engine.keys.lease(claim.cleanup), term: claim.term)
        let home = RedisSlot.of(lease.key)
        var calls: [CommitCall] = []
        for part in parts {
            let isHome = isFenced && RedisSlot.of(part.key) == home
            var call = CommitCall(lease: isHome ? lease : nil, index: part.key, shared: [])
            var known = PlainChange.Known()
            part.change.append(to: &call, &known)
            calls.append(call)
        }
        if parts.isEmpty, isFenced { calls = [CommitCall(lease: lease, index: lease.key, shared: [])] }
        let commands = calls.map { engine.library.outgoing($0.command()) }
        let replies = try await engine.redis.pipeline(commands)
        var outcomes: [CommitCall.Outcome] = []
        for (number, call) in calls.enumerated() {
            let reply = try await engine.library.checked(replies[number], of: commands[number])
            outcomes += try call.outcomes(of: reply)
        }
        return outcomes
    }

    private func plan(of event: UndoEvent) -> String { Keys.undoing(event, run: undo.run) }

    private var expiry: String { String(undo.cleanup.undo.milliseconds) }
}

internal import RedisClient

/// Makes the records' parts of a page's changes: on each node those that it has, in one call.
///
/// A part is sent once. Where its answer never comes, its mark says what was made; the rest is sent again as another part.
/// The first may still arrive then, since nobody knows where it was lost. It changes nothing twice, because one of the two
/// finds its guards broken; where that is the second, the mark of the first is looked at once more.
struct SagaChanges {
    let saga: Saga
    let calls: SagaCalls

    /// What is to be sent, and what was.
    private struct State {
        /// The places to be sent by node.
        var open: [Int]
        /// The places to be sent alone, because their slots, or those of their marks, are elsewhere or moving.
        var alone: [Int] = []
        /// Parts that were never answered.
        var unanswered: [SagaPart] = []
    }

    /// Looks at the fence and names the marks of a page, so that nothing comes between the last look and the changes.
    ///
    /// Where there is no memory left for Curfew's own keys, only what removes or frees goes on.
    func begin(_ work: inout SagaWork) async throws {
        let marks = parts(State(open: work.open), work).map(\.mark)
        do {
            try await saga.step(.planned) { try await announce(marks) }
        } catch let error as CurfewError where FullMemory.isMeant(error) && work.hasFreeing {
            let rest = work.keepToFreeing(work.open, FullMemory.refusal(of: error))
            let marks = parts(State(open: rest), work).map(\.mark)
            try await saga.step(.planned) { try await announce(marks, isNote: true) }
        }
    }

    /// Makes all changes of a page that are still to be made.
    func make(_ work: inout SagaWork) async throws {
        var state = State(open: work.open)
        while !(state.open.isEmpty && state.alone.isEmpty) {
            let parts = parts(state, work)
            try await saga.step(nil) {
                let marks = saga.marks.unannounced(parts.map(\.mark))
                if !marks.isEmpty { try await announce(marks, isNote: true) }
            }
            (state.open, state.alone) = ([], [])
            let outcomes = await calls.make(parts, of: work)
            try await take(zip(parts, outcomes), &state, &work)
        }
        try await saga.pass(.changed)
    }

    private func parts(_ state: State, _ work: SagaWork) -> [SagaPart] {
        let owners = saga.scope.redis.owners
        var byNode: [Group: [Int]] = [:]
        var alone = state.alone
        for place in state.open {
            if let number = owners.number(of: work.key(place)) {
                byNode[Group(node: number, isBrief: work.isBrief(place)), default: []].append(place)
            } else {
                alone.append(place)
            }
        }
        let control = saga.scope.control
        return byNode.map { group, places in
            let node = owners.node(group.node)
            let mark = saga.marks.mark(on: node, beside: work.key(places[0]))
            let field = mark.field(control.nextPage())
            return SagaPart(mark: mark, field: field, places: places, node: node, isBrief: group.isBrief)
        }
            + alone.map { place in
                let mark = saga.marks.mark(beside: work.key(place))
                let field = mark.field(control.nextPage())
                return SagaPart(mark: mark, field: field, places: [place], node: nil, isBrief: work.isBrief(place))
            }
    }

    /// What goes to a node in one call.
    private struct Group: Hashable {
        let node: Int
        let isBrief: Bool
    }

    private func announce(_ marks: [SagaMark], isNote: Bool = false) async throws {
        let new = Array(Set(saga.marks.unannounced(marks)))
        try await saga.log.announce(new, isNote: isNote)
        saga.marks.announced(new)
    }

    /// Takes in what became of parts, and says what is to be sent again.
    private func take(
        _ answers: some Sequence<(SagaPart, SagaCalls.PartOutcome)>, _ state: inout State, _ work: inout SagaWork
    ) async throws {
        var paid: [Int] = []
        var moved: [Int: Int] = [:]
        let answers = Array(answers)
        // All of them before the first error ends this.
        for case (let part, .failed(let error)) in answers where !SagaMarks.isAnswer(error) {
            saga.marks.doubt(part.mark)
        }
        for (part, answer) in answers {
            switch answer {
            case .answered(let outcomes):
                for (place, outcome) in zip(part.places, outcomes) {
                    if work.isPaidBefore(place, outcome) {
                        paid.append(place)
                    } else if case .refused(let why) = outcome, part.node != nil, SagaCalls.isElsewhere(why) {
                        state.alone.append(place)
                    } else if case .moved(let number) = outcome {
                        moved[place] = number
                    } else {
                        work.changed(place, outcome)
                    }
                }
                if outcomes.contains(.made) { work.made(under: part) }
            case .markElsewhere:
                saga.marks.retire(part.mark)
                state.alone += part.places
            case .failed(let error) where FullMemory.isMeant(error) && !part.isBrief:
                let rest = work.keepToFreeing(part.places, FullMemory.refusal(of: error))
                if part.node == nil { state.alone += rest } else { state.open += rest }
            case .failed(let error):
                guard CommitScope.isPassing(error) else { throw error }
                state.unanswered.append(part)
                state.open += part.places
            }
        }
        if !state.unanswered.isEmpty {
            // What goes on while Redis is away may stop; what was begun is finished by the next run.
            if !state.open.isEmpty, let stop = saga.scope.control.obstacle { throw stop }
            let made = try await takeUnanswered(among: state.open + state.alone + moved.keys + paid, state, &work)
            state.open.removeAll(where: made.contains)
            state.alone.removeAll(where: made.contains)
            for place in made { moved[place] = nil }
            paid.removeAll(where: made.contains)
        }
        for (place, number) in moved { work.changed(place, .moved(guardNumber: number)) }
        try await work.reprice(paid, saga)
        state.open += paid
    }

    /// Takes those changes as made that the marks of unanswered parts name, and says which they are.
    private func takeUnanswered(among places: [Int], _ state: State, _ work: inout SagaWork) async throws -> Set<Int> {
        // Somebody was in the way a moment ago.
        try await Task.sleep(for: .milliseconds(20))
        var found: Set<Int> = []
        let notes = try await saga.notes(on: state.unanswered)
        for (part, note) in zip(state.unanswered, notes) where note.text != nil {
            let made = Set(part.made(omitting: note.omitted)).intersection(places)
            guard !made.isEmpty else { continue }
            for place in made { work.changed(place, .made) }
            work.made(under: part)
            found.formUnion(made)
        }
        return found
    }
}

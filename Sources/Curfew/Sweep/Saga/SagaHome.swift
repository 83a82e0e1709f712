internal import RedisClient

/// The part of a saga that is written in the slot of Curfew's own keys, under the fence.
struct SagaHome: Sendable {
    let library: FunctionLibrary
    let keys: Keys
    let claim: Claim
    let streamLength: Int

    /// What becomes of an index entry, unless somebody has moved it since it was read.
    struct IndexStep: Sendable {
        /// Its place in the page.
        let place: Int
        /// The entry as it was read.
        let entry: DueEntry
        /// Its new score; nil takes it out.
        let score: String?
    }

    /// What stands in the fields that show which events are written.
    static let told = "told"

    /// The hash of the plans.
    private var saga: String { keys.saga(claim.cleanup) }

    /// Writes down what a page comes to.
    func begin(_ plan: SagaPlan) async throws {
        var change = PlainChange(member: "")
        change.write("HSET", .shared(.saga), [.value(plan.field), .value(plan.text)])
        _ = try await send([change])
    }

    /// Writes the events of changes that were made, each once; gives back which were written now, by their places.
    func tell(_ plan: SagaPlan, _ entries: [SagaEntry]) async throws -> Set<Int> {
        let told = entries.filter { $0.event != nil }
        guard !told.isEmpty else { return [] }
        var call = makeCall()
        var number: Int?
        for entry in told {
            if let number {
                _ = call.append(.same(number), member: entry.id) { tell(plan, entry, to: &$0) }
            } else {
                var sink = StatementSink(index: .none)
                tell(plan, entry, to: &sink)
                number = call.append(.new(sink.statement), member: entry.id) { tell(plan, entry, to: &$0) }
            }
        }
        let outcomes = try call.outcomes(of: try await library.call(call.command()))
        var written: Set<Int> = []
        for (entry, outcome) in zip(told, outcomes) {
            switch outcome {
            case .made: written.insert(entry.place)
            case .moved: break
            case .refused(let why): throw CurfewError(.server, why)
            }
        }
        return written
    }

    private func tell(_ plan: SagaPlan, _ entry: SagaEntry, to sink: inout some CommitSink) {
        guard let event = entry.event else { return }
        sink.begin("HSETNX", .shared(.saga))
        sink.hole(sink.value(plan.told(entry)))
        sink.constant(Self.told)
        sink.begin("XADD", .shared(.events))
        for word in ["MAXLEN", "~", String(streamLength), "*", "run", claim.run, "cleanup", claim.cleanup, "record"] {
            sink.constant(word)
        }
        sink.hole(.member)
        let fields = [
            ("key", entry.key), ("action", event.action), ("from", event.from), ("to", event.to),
            ("reason", event.reason), ("type", event.type), ("tokens", String(entry.tokens)),
            ("bytes", String(event.bytes)), ("before", JSONText.object(event.before, of: plan.run, for: claim.run)),
            ("at_ms", event.time),
        ]
        for (name, value) in fields {
            sink.constant(name)
            sink.hole(sink.value(value))
        }
    }

    /// What ends a page.
    struct Ending: Sendable {
        /// The plan, which goes, but for what is left.
        var plan: SagaPlan
        /// The entries that could not be finished.
        var left: [SagaEntry] = []
        var index: [IndexStep] = []
        /// What locks were seen for the first time, and when, and which are gone (nil).
        var seen: [(id: String, value: String?)] = []
    }

    /// Ends a page; for each step at the index whether its entry was as it had been read.
    func end(_ ending: Ending, index: String) async throws -> [Bool] {
        let isHome = Slots.share(index, saga)
        var changes = Self.changes(ending.plan, left: ending.left)
        for (id, value) in ending.seen {
            var change = PlainChange(member: id)
            if let value {
                change.write("HSET", .shared(.seen), [.value(id), .value(value)])
            } else {
                change.write("HDEL", .shared(.seen), [.value(id)])
            }
            changes.append(change)
        }
        if changes.isEmpty, ending.index.isEmpty { return [] }
        var outcomes = try await send(changes, index: isHome ? index : nil, isHome ? ending.index : [])
        if !isHome, !ending.index.isEmpty {
            // There is no fence where the app has its index, but an entry that was moved is left alone there too.
            var call = CommitCall(lease: nil, index: index, shared: [index])
            Self.add(ending.index, to: &call)
            outcomes += try call.outcomes(of: try await library.call(call.command()))
        }
        let last = outcomes.suffix(ending.index.count)
        for case .refused(let why) in last { throw CurfewError(.server, why) }
        return last.map { $0 == .made }
    }

    private static func changes(_ plan: SagaPlan, left: [SagaEntry]) -> [PlainChange] {
        guard !plan.entries.isEmpty else { return [] }
        var change = PlainChange(member: "")
        let places = Set(left.map(\.place))
        var gone = plan.entries.filter { !places.contains($0.place) }.map(plan.told)
        if left.isEmpty {
            gone.append(plan.field)
        } else {
            let rest = SagaPlan(run: plan.run, page: plan.page, entries: left)
            change.write("HSET", .shared(.saga), [.value(plan.field), .value(rest.text)])
        }
        if !gone.isEmpty { change.write("HDEL", .shared(.saga), gone.map { .value($0) }) }
        return [change]
    }

    private static func add(_ steps: [IndexStep], to call: inout CommitCall) {
        var numbers: [[Bool]: Int] = [:]
        for step in steps {
            let form = [step.score != nil, step.entry.scoreText.isEmpty]
            if let number = numbers[form] {
                _ = call.append(.same(number), member: step.entry.id, score: step.score) { tell(step, to: &$0) }
            } else {
                var sink = StatementSink(index: step.score == nil ? .remove : .score)
                tell(step, to: &sink)
                numbers[form] = call.append(.new(sink.statement), member: step.entry.id, score: step.score) {
                    tell(step, to: &$0)
                }
            }
        }
    }

    /// An entry that the index didn't have is entered without asking.
    private static func tell(_ step: IndexStep, to sink: inout some CommitSink) {
        guard !step.entry.scoreText.isEmpty else { return }
        sink.check(.score, .shared(.index), field: .own(.member), value: .own(sink.value(step.entry.scoreText)))
    }

    private func makeCall(index: String? = nil) -> CommitCall {
        CommitCall(
            lease: (keys.lease(claim.cleanup), claim.fence), index: index ?? keys.index(claim.cleanup),
            shared: [index ?? keys.index(claim.cleanup), keys.events, keys.seen(claim.cleanup), saga])
    }

    private func send(
        _ changes: [PlainChange], index: String? = nil, _ steps: [IndexStep] = []
    ) async throws -> [CommitCall.Outcome] {
        var call = makeCall(index: index)
        var known = PlainChange.Known()
        for change in changes { change.append(to: &call, &known) }
        Self.add(steps, to: &call)
        let outcomes = try call.outcomes(of: try await library.call(call.command()))
        for case .refused(let why) in outcomes.prefix(changes.count) { throw CurfewError(.server, why) }
        return outcomes
    }
}

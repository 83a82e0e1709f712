internal import Policies
internal import RedisClient

/// Reads a page of records and lets the policy decide over each.
struct Evaluator {
    /// How often a policy may ask for more about one record.
    static let mostRounds = 4

    let reader: RecordReader
    /// Called now and then while a policy takes its time, which is no standstill; throws where nobody waits any more.
    var waiting: @Sendable () throws -> Void = {}

    /// An entry of the index with the key that its record is at.
    typealias Keyed = (entry: DueEntry, key: String)

    /// Reads and decides.
    ///
    /// The steps are there one by one too, so that a sweep can do other things in between.
    func judge(_ entries: [DueEntry], at now: Timestamp) async throws -> [Evaluation] {
        let keyed = try keyed(entries[...])
        return try await decide(keyed, replies: try await reader.redis.pipeline(commands(for: keyed)), at: now)
    }

    /// The entries with their keys.
    func keyed(_ entries: ArraySlice<DueEntry>) throws -> [Keyed] {
        var keyed: [Keyed] = []
        keyed.reserveCapacity(entries.count)
        for entry in entries { keyed.append(try reader.keyed(entry)) }
        return keyed
    }

    /// The commands that read these records.
    func commands(for entries: [Keyed]) -> [RedisCommand] {
        reader.commands(for: entries)
    }

    /// Decides over records that were read, asking Redis for more where the policy wants it.
    ///
    /// - Parameter isLast: whether a record that was too large has been given all the room there is.
    func decide(
        _ entries: [Keyed], replies: [RedisValue], at now: Timestamp, isLast: Bool = false
    ) async throws -> [Evaluation] {
        try await finish(try await begin(entries, replies: replies, at: now, isLast: isLast))
    }

    /// Decisions over records, some of which have to wait for answers.
    struct Judging: Sendable {
        fileprivate(set) var judged: [Evaluation]
        fileprivate var asking: [(place: Int, questions: [Question])] = []
        fileprivate let now: Timestamp

        /// Whether nothing has to be asked.
        var isSettled: Bool { asking.isEmpty }
    }

    /// Decides over records that were read, as far as what was read says enough.
    func begin(
        _ entries: [Keyed], replies: [RedisValue], at now: Timestamp, isLast: Bool = false
    ) async throws -> Judging {
        var reads = try await reader.records(entries, replies: replies, isLast: isLast)
        if reader.seesFirst || !reader.spans.isEmpty { reads = try await reader.timed(reads, at: now) }
        var judging = Judging(judged: [], now: now)
        judging.judged.reserveCapacity(entries.count)
        let verdicts = try await verdicts(on: reads, of: entries, at: now)
        for place in reads.indices {
            let (entry, key) = entries[place]
            if reader.keys.own(key) {
                judging.judged.append(ofOwnKey(entry, key))
                continue
            }
            if let elsewhere = elsewhere(entry, key, at: now) {
                judging.judged.append(elsewhere)
                continue
            }
            switch reads[place] {
            case .failure(let error):
                let id = entry.place?.name ?? entry.id
                let record = Record(id: id, key: key, content: .missing, place: entry.place)
                judging.judged.append(Evaluation(entry: entry, record: record, decision: .malformed(error)))
            case .success(let record):
                let (decision, questions) = self.decision(on: record, of: entry, verdicts?[place], at: now)
                if let questions { judging.asking.append((place, questions)) }
                judging.judged.append(Evaluation(entry: entry, record: record, decision: decision))
            }
        }
        return judging
    }

    /// Asks Redis what the policy wants to know, until it has decided.
    func finish(_ judging: Judging) async throws -> [Evaluation] {
        var (judged, asking) = (judging.judged, judging.asking)
        var rounds = 0
        while !asking.isEmpty {
            rounds += 1
            asking = try await answer(asking, in: &judged, at: judging.now, isLast: rounds == Self.mostRounds)
        }
        return judged
    }

    /// What Curfew keeps is nobody's record: it goes out of Curfew's own index, where an older version may have entered it.
    private func ofOwnKey(_ entry: DueEntry, _ key: String) -> Evaluation {
        let record = Record(id: entry.id, key: key, content: .missing)
        let why = "\(key) is one of Curfew's own keys"
        let decision: Evaluation.Decision =
            reader.cleanup.index == nil
            ? .drop(because: why, guards: []) : .malformed(RecordError("\(why): expected a record"))
        return Evaluation(entry: entry, record: record, decision: decision)
    }

    /// What only looks like a record is left where it is in the application's index, and goes out of Curfew's own, where it
    /// may be from before somebody said so.
    private func ofLookalike(_ entry: DueEntry, _ key: String, _ why: String) -> Evaluation {
        let record = Record(id: entry.id, key: key, content: .missing)
        let because = "\(key) is no record of this cleanup: \(why)"
        let decision: Evaluation.Decision =
            reader.cleanup.index == nil
            ? .drop(because: because, guards: []) : .leave(Leave(until: nil, because: because))
        return Evaluation(entry: entry, record: record, decision: decision)
    }

    /// Whether an entry isn't where records of the cleanup are, so that its policy isn't asked.
    func isElsewhere(_ keyed: Keyed, at now: Timestamp) -> Bool {
        reader.keys.own(keyed.key) || elsewhere(keyed.entry, keyed.key, at: now) != nil
    }

    /// What becomes of an entry that isn't where records of the cleanup are; nil for one that is.
    private func elsewhere(_ entry: DueEntry, _ key: String, at now: Timestamp) -> Evaluation? {
        guard let source = reader.cleanup.source else {
            return reader.cleanup.gap.refusal(of: entry.id).map { ofLookalike(entry, key, $0) }
        }
        if let trouble = entry.trouble {
            let member = RecordSource.parts(of: entry.id)?.member ?? entry.id
            let place = Place(entry: entry.id, name: member)
            let record = Record(id: member, key: key, content: .missing, place: place)
            let decision: Evaluation.Decision =
                StrayMember.isMeant(by: trouble)
                ? .leave(Leave(until: now + reader.cleanup.longestTimeout, because: trouble.message))
                : .malformed(trouble)
            return Evaluation(entry: entry, record: record, decision: decision)
        }
        guard entry.place == nil else { return nil }
        guard source.isRegistry else { return ofLookalike(entry, key, "it fits no template of records") }
        let (registry, member) = RecordSource.parts(of: entry.id) ?? (key, entry.id)
        let place = Place(entry: entry.id, name: member)
        let record = Record(id: member, key: registry, content: .missing, place: place)
        let because = "“\(member.shortened(to: 80))” doesn't stand in \(registry) any more"
        return Evaluation(entry: entry, record: record, decision: .drop(because: because, guards: []))
    }

    /// One round of questions; gives back those that lead to more questions.
    private func answer(
        _ asking: [(place: Int, questions: [Question])], in judged: inout [Evaluation], at now: Timestamp, isLast: Bool
    ) async throws -> [(place: Int, questions: [Question])] {
        let flat = asking.flatMap { item in item.questions.map { (record: judged[item.place].record, question: $0) } }
        let answers = try await reader.answers(flat, at: now)
        var next = 0
        var again: [(place: Int, questions: [Question])] = []
        var records: [Record] = []
        for (place, questions) in asking {
            var record = judged[place].record
            for question in questions {
                record.answers[question] = answers[next]
                next += 1
            }
            records.append(record)
        }
        let verdicts = try await foreign?.verdicts(on: records, at: now, waiting: waiting)
        for (number, (place, _)) in asking.enumerated() {
            let record = records[number]
            var (decision, more) = self.decision(on: record, of: judged[place].entry, verdicts?[number], at: now)
            if let more {
                if isLast {
                    decision = .malformed(RecordError("the policy could not decide after \(Self.mostRounds) questions"))
                } else {
                    again.append((place, more))
                }
            }
            judged[place] = Evaluation(entry: judged[place].entry, record: record, decision: decision)
        }
        return again
    }

    /// In a Cluster a record is changed in one step with its registry, or not at all: between two steps the application could
    /// take the member up.
    private func checkSlots(of change: Change, _ record: Record) throws(RecordError) {
        guard let registry = record.place?.seat?.registry, change.takesSeat,
            RedisSlot.of(registry) != RedisSlot.of(record.key)
        else { return }
        throw RecordError(
            "\(registry) and \(record.key) are in different slots of the cluster: expected both in one, as by a hash tag, "
                + "since a member leaves its registry in one step with its record")
    }

    /// A member that stands in a registry without a record is taken out, as an entry of the application's index is; one
    /// whose record isn't this cleanup's business stays, and is looked at again later.
    private func ofSeat(
        _ seat: Seat, _ record: Record, _ because: String, _ guards: [Policies.Guard], at now: Timestamp
    ) -> Evaluation.Decision {
        let until = now + reader.cleanup.longestTimeout
        let isTaken = record.place?.isTaken == true && record.place?.body != .member && reader.cleanup.removesRecords
        guard record.content == .missing, isTaken else {
            return .leave(Leave(until: until, because: because))
        }
        return .change(.drop(of: seat, because: "\(because): \(record.key)", guards: guards))
    }

    /// What the policy decides, and what it has to know before it can, if that is so.
    ///
    /// A question stands for "leave" until it is answered.
    ///
    /// - Parameter known: the verdict, where it isn't made here.
    private func decision(
        on record: Record, of entry: DueEntry, _ known: Result<Verdict, RecordError>?, at now: Timestamp
    ) -> (Evaluation.Decision, questions: [Question]?) {
        do {
            // Whatever a policy names is looked at here, and nowhere else.
            let policy = reader.cleanup.policy
            if let decision = reader.firstSight(of: record, at: now) { return (decision, nil) }
            var verdict = if let known { try known.get() } else { try policy.verdict(on: record, at: now) }
            verdict = try verdict.claimed(at: now)
            if let additions = reader.additions {
                verdict = try additions.added(to: verdict, on: record, by: policy, at: now)
            }
            switch try verdict.bound(to: record) {
            case .leave(let leave): return (.leave(leave), nil)
            case .drop(let because, let guards):
                try reader.keys.permit(guards)
                if let seat = record.place?.seat { return (ofSeat(seat, record, because, guards, at: now), nil) }
                // The application's own index is the application's: what is taken out of it is a change like any other.
                if reader.cleanup.index != nil, record.content == .missing, !entry.scoreText.isEmpty {
                    return (.change(.drop(entry, because: because, guards: guards)), nil)
                }
                return (.drop(because: because, guards: guards), nil)
            case .change(let change):
                try reader.keys.permit(change)
                try reader.keys.checkPuts(of: change, to: record)
                if reader.redis.isCluster { try checkSlots(of: change, record) }
                return (.change(change), nil)
            case .ask(let questions):
                try reader.keys.permit(questions)
                return (.leave(Leave(until: nil, because: "not decided yet")), questions)
            }
        } catch {
            return (.malformed(error), nil)
        }
    }
}

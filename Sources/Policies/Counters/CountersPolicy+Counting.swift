extension CountersPolicy {
    /// What the counters say, put right where they can't be true.
    struct CounterTotals: Equatable {
        /// The counts to go by.
        var counts: TaskCounts
        /// How the counters were put right, in words; nil where they were believed.
        var correction: String?
    }

    /// How the counters are to be taken, or what must be known first.
    enum Count {
        case known(CounterTotals)
        case ask(Question)
    }

    /// Believes the counters where they can be true, else counts the members, else clamps.
    ///
    /// An absent counter is 0, and one that can't be read is the group's error: whatever it was taken for would be
    /// written back. A negative one can't be true, nor can a sum beyond the total.
    func count(_ record: Record, total: Int64) throws(RecordError) -> Count {
        let stored = try counts(on: record, of: total)
        if stored.isPossible(of: total) { return .known(CounterTotals(counts: stored, correction: nil)) }
        guard let members else {
            guard !countsDown else {
                throw RecordError(
                    "\(counters.queued) is \(stored.queued) and \(counters.failed) \(stored.failed), of \(total): "
                        + "expected no more together, and nothing negative; members would tell what is true")
            }
            let ended = TaskCounts(completed: stored.completed, failed: stored.failed)
            return .known(CounterTotals(counts: ended.clamped(to: total), correction: "counters clamped"))
        }
        let key = try members.key.expand(for: record)
        let question = Question.members(
            GroupMembers(
                collection: members.collection, key: key, record: members.record, field: members.status,
                isJSON: members.isJSON))
        switch record.answers[question] {
        case nil: return .ask(question)
        case .members(let tasks)?:
            let counted = try tally(tasks, by: members).clamped(to: total)
            return .known(CounterTotals(counts: counted, correction: "counters recounted from \(key)"))
        case .tooMany(let limit)?: throw RecordError("\(key) has more than \(limit) members: too many to recount")
        case .unreadable(let why)?: throw RecordError(why)
        case .some: throw RecordError("the members of \(key) were answered with something else")
        }
    }

    /// Whether the application counts down from the total, and keeps no count of what was completed.
    private var countsDown: Bool { counters.completed == nil }

    /// The counters as the record has them.
    private func counts(on record: Record, of total: Int64) throws(RecordError) -> TaskCounts {
        var counts = TaskCounts()
        counts.queued = try counter(counters.queued, on: record) ?? 0
        counts.failed = try counter(counters.failed, on: record) ?? 0
        if let processing = counters.processing { counts.processing = try counter(processing, on: record) ?? 0 }
        if let completed = counters.completed {
            counts.completed = try counter(completed, on: record) ?? 0
        } else {
            // Without it everything would look completed.
            guard record.present(counters.queued) != nil else {
                throw RecordError("\(counters.queued) is missing: expected a whole number")
            }
            counts.completed = counts.queued >= 0 && counts.failed >= 0 ? max(0, total - counts.queued) : 0
            counts.completed = max(0, counts.completed - max(0, counts.failed))
        }
        return counts
    }

    private func counter(_ field: String, on record: Record) throws(RecordError) -> Int64? {
        guard let raw = record.present(field) else { return nil }
        guard let number = WholeNumber(raw) else { throw .unreadable(field, raw, "expected a whole number") }
        return number.value
    }

    /// Counts the tasks; one whose record is gone got lost, and isn't counted.
    ///
    /// One that can't be understood is the group's error: taken for lost, it would be counted as failed.
    private func tally(_ tasks: [GroupMember], by members: Members) throws(RecordError) -> TaskCounts {
        var counts = TaskCounts()
        for task in tasks {
            switch task.state {
            case .gone: continue
            case .unreadable(let why): throw RecordError(why)
            case .status(let status):
                guard let status, !status.isEmpty else {
                    throw RecordError("\(task.key) has no \(members.status): expected one of the four lists of members")
                }
                if members.completed.contains(status) {
                    counts.completed += 1
                } else if members.failed.contains(status) {
                    counts.failed += 1
                } else if members.processing.contains(status) {
                    counts.processing += 1
                } else if members.queued.contains(status) {
                    counts.queued += 1
                } else {
                    let what = "\(members.status) of \(task.key)"
                    throw .unreadable(what, status, "in none of the lists of members")
                }
            }
        }
        return counts
    }
}

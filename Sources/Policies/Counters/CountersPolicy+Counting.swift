extension CountersPolicy {
    /// What the counters say, put right where they can't be true.
    struct Reckoning: Equatable {
        /// The counts to go by.
        var counts: TaskCounts
        /// By how much the counters on the record were off.
        var drift: Int64
        /// How they were put right, in words; nil where they were believed.
        var correction: String?
    }

    /// How the counters are to be taken, or what must be known first.
    enum Count {
        case known(Reckoning)
        case ask(Question)
    }

    /// Believes the counters where they can be true, else counts the members, else clamps.
    ///
    /// An absent counter is 0. One that can't be read, is negative or is too large for `Int64` can't be true, nor can a
    /// sum beyond the total.
    func count(_ record: Record, total: Int64) throws(RecordError) -> Count {
        var stored = TaskCounts()
        var isReadable = true
        func read(_ field: String) -> Int64 {
            guard let raw = record.present(field) else { return 0 }
            guard let number = Int64(raw) else {
                isReadable = false
                return 0
            }
            return number
        }
        stored.queued = read(counters.queued)
        stored.processing = read(counters.processing)
        stored.completed = read(counters.completed)
        stored.failed = read(counters.failed)
        if isReadable, stored.isPossible(of: total) {
            return .known(Reckoning(counts: stored, drift: 0, correction: nil))
        }
        guard let members else {
            let ended = TaskCounts(completed: stored.completed, failed: stored.failed)
            return .known(correct(stored, to: ended.clamped(to: total), by: "clamped"))
        }
        let set = try members.set.expand(for: record)
        let question = Question.members(set: set, status: members.record, field: members.status)
        switch record.answers[question] {
        case nil: return .ask(question)
        case .statuses(let statuses)?:
            let counted = tally(statuses, by: members).clamped(to: total)
            return .known(correct(stored, to: counted, by: "recounted from \(set)"))
        case .tooMany(let limit)?: throw RecordError("\(set) has more than \(limit) members: too many to recount")
        case .some: throw RecordError("the members of \(set) were answered with something else")
        }
    }

    private func correct(_ stored: TaskCounts, to counts: TaskCounts, by how: String) -> Reckoning {
        let drift = stored.distance(to: counts)
        return Reckoning(
            counts: counts, drift: drift, correction: "counters \(how)" + (drift > 0 ? ", off by \(drift)" : ""))
    }

    /// Counts the statuses; one that is absent or in no list is that of a task that got lost, and isn't counted.
    private func tally(_ statuses: [String?], by members: Members) -> TaskCounts {
        var counts = TaskCounts()
        for case let status? in statuses {
            if members.completed.contains(status) {
                counts.completed += 1
            } else if members.failed.contains(status) {
                counts.failed += 1
            } else if members.processing.contains(status) {
                counts.processing += 1
            } else if members.queued.contains(status) {
                counts.queued += 1
            }
        }
        return counts
    }
}

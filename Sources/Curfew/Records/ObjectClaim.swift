internal import Policies

/// The deletion of an object is committed in two parts: a claim before the object goes, the removal after.
///
///     record       claim: status deleting          …            removed, if still as claimed
///     index        due for the next run            …            removed
///     object       …                               deleted      …
///
/// So there is never a record without a claim whose object is gone, and never an object whose record is gone. Whoever dies
/// in between leaves a claimed record that is still in the index; the next run claims it again and goes on. Between the
/// claim and the deletion the record is read once more: where the app has changed it, the claim is taken back.
extension Change {
    /// How far ahead a claimed record stands in the index: out of this sweep's way, and in that of the next run.
    ///
    /// There is one run at a time, so a claim that a run finds is one that nobody will finish.
    static let claimTime: Duration = .milliseconds(1)

    /// The first part of a deletion.
    func claim(at now: Timestamp) -> Change {
        var change = mapEffects { effect in
            if case .remove = effect { nil } else { effect }
        }
        change.next = now + Self.claimTime
        return change
    }

    /// The last part: what a claim leads to when the object is gone, for the record as it was read after the claim.
    func removal(of record: Record, status: String) throws(RecordError) -> Change {
        let change = unclaimed(of: record, status: status).mapEffects { effect in
            if case .write(let write) = effect { .remove(image: write.before) } else { effect }
        }
        return try change.bound(to: record)
    }

    /// The claim taken back: what it wrote is as it was before, and the record is due.
    func release(of record: Record, status: String, at now: Timestamp) throws(RecordError) -> Change {
        var change = unclaimed(of: record, status: status).mapEffects { effect in
            guard case .write(let write) = effect else { return effect }
            let sets = write.sets.compactMap { set in write.before.first { $0.field == set.field } }
            return .write(RecordWrite(sets, before: write.before))
        }
        change.next = now
        // Others who use the object are a reason to take the claim back, and not one to leave it.
        change.guards.removeAll { if case .atMost = $0 { true } else { false } }
        return try change.bound(to: record)
    }

    /// The same with what it frees.
    func freeing(_ bytes: Int64) -> Change {
        mapEffects { effect in
            guard case .objects(var objects) = effect else { return effect }
            objects.bytes = bytes
            return .objects(objects)
        }
    }

    /// Guarded by what the claim wrote, and by all else that decided.
    private func unclaimed(of record: Record, status: String) -> Change {
        var change = mapEffects { effect in
            guard case .write(let write) = effect else { return effect }
            return .write(RecordWrite(write.sets, before: write.before))
        }
        change.next = nil
        change.guards = guards.compactMap { item in
            switch item {
            // A guard on a whole text is one on the text as it was before the claim.
            case .text: return nil
            case .field(let field, _): return .field(field, equals: record[field])
            default: return item
            }
        }
        let isGuarded = change.guards.contains { item in
            if case .field(status, _) = item { true } else { false }
        }
        if !isGuarded { change.guards.append(.field(status, equals: record[status])) }
        return change
    }

    private func bound(to record: Record) throws(RecordError) -> Change {
        guard case .change(let change) = try Verdict.change(self).bound(to: record) else { return self }
        return change
    }
}

extension Verdict {
    /// The verdict as it is committed first: a claim where an object is to be deleted.
    ///
    /// Throws where the object has a name that storage can't be asked for.
    func claimed(at now: Timestamp) throws(RecordError) -> Verdict {
        guard isDeletion, case .change(let change) = self else { return self }
        for object in change.objects?.keys ?? [] {
            if let problem = DeleteRequest.problem(with: object) {
                throw RecordError("\(problem): nothing was deleted")
            }
        }
        return .change(change.claim(at: now))
    }

    /// Asked first and by itself, because this runs for every verdict and must not copy a change for the answer.
    private var isDeletion: Bool {
        if case .change(let change) = self { change.action == .delete } else { false }
    }
}

internal import Policies
internal import RedisClient

/// How a sweep deletes objects whose records it has claimed, a thousand in one request (see `ObjectClaim.swift`).
///
/// What may go wrong, and what then: an object that storage keeps is its record's error; a request that fails as a whole,
/// after some tries, ends the run. Either way the records stay claimed and are looked at again by the next run.
/// An object that is gone already counts as deleted.
extension Sweep {
    /// Deletes the objects of claimed records: as many as fill requests or, at the end, all.
    func deleteObjects(_ state: inout State, all: Bool) async throws {
        while state.claimed.count >= (all ? 1 : DeleteRequest.mostKeys) {
            let count = DeleteRequest.count(of: state.claimed.lazy.compactMap(\.change?.object))
            let batch = Array(state.claimed.prefix(count))
            state.claimed.removeFirst(count)
            let size = state.size.current
            defer {
                let outcome = state.outcome
                control.advance { $0.report(outcome) }
            }
            let claimed = try await confirmed(batch, pageSize: size, state.saga, &state.outcome.tally)
            let deleted = try await deleted(claimed, &state.outcome.tally)
            for start in stride(from: 0, to: deleted.count, by: size) {
                await FailPoint.reached(.beforeRemoval, cleanup)
                let page = deleted[start..<min(start + size, deleted.count)]
                try await remove(page, state.saga, &state.outcome.tally)
            }
        }
    }

    /// A claimed record as it was read after the claim.
    private struct Claimed {
        let judged: Judged
        let change: Change
        let object: String
        let record: Record
    }

    /// Reads claimed records again.
    ///
    /// One that the app has changed since it was judged, as by linking it, is no longer what was decided over: its claim
    /// is taken back.
    private func confirmed(
        _ batch: [Judged], pageSize: Int, _ saga: Saga?, _ tally: inout Tally
    ) async throws -> [Claimed] {
        var claimed: [Claimed] = []
        var released: [Judged] = []
        for start in stride(from: 0, to: batch.count, by: pageSize) {
            try control.checkpoint()
            let page = batch[start..<min(start + pageSize, batch.count)]
            let entries = page.map { (entry: $0.entry, key: $0.record.key) }
            let reader = judge.reader
            let commands = judge.commands(for: entries)
            let reads = try await retrying {
                try await reader.records(entries, replies: try await engine.redis.pipeline(commands))
            }
            for (judged, read) in zip(page, reads) {
                guard let change = judged.change, let object = change.object else { continue }
                switch read {
                case .failure(let error): tally.failed(judged.entry.id, error.message)
                case .success(let record) where record.isAsClaimed(by: change, since: judged.record):
                    claimed.append(Claimed(judged: judged, change: change, object: object, record: record))
                case .success(let record):
                    tally.moved()
                    if let release = Self.release(judged, change, record, cleanup, at: now) { released.append(release) }
                }
            }
        }
        if !released.isEmpty { _ = try await commit(released, saga) }
        return claimed
    }

    /// Takes a claim back where it is still there; nil where it isn't, or is one of an earlier run.
    private static func release(
        _ judged: Judged, _ change: Change, _ record: Record, _ cleanup: Cleanup, at now: Timestamp
    ) -> Judged? {
        guard !change.sets.isEmpty, change.sets.allSatisfy({ record[$0.field] == $0.value }) else { return nil }
        do {
            let release = try change.release(of: record, status: cleanup.statusField, at: now)
            return Judged(entry: judged.claimed(cleanup.indexUnit), record: record, decision: .change(release))
        } catch {
            // The record can't be written any more; the run that looks at it next says why.
            return nil
        }
    }

    /// Deletes objects in one request; gives back the records whose objects are gone.
    private func deleted(_ claimed: [Claimed], _ tally: inout Tally) async throws -> [Claimed] {
        guard let first = claimed.first, let policy = cleanup.policy as? FilesPolicy else { return [] }
        let storage = try engine.storage(named: policy.storage, clock: clock)
        let place = storage.configuration.place
        let objects = claimed.map(\.object)
        let outcomes: [DeleteRequest.Outcome]
        do {
            outcomes = try await whileAlive { [control, cleanup] in
                await FailPoint.reached(.beforeDeletion, cleanup)
                let outcomes = try await storage.delete(objects) { try control.checkpoint() }
                await FailPoint.reached(.afterDeletion, cleanup)
                return outcomes
            }
        } catch let error as StorageError {
            for item in claimed {
                tally.failed(item.judged.entry.id, "object \(item.object) was not deleted: \(error)")
            }
            let others = claimed.count > 1 ? " and \(claimed.count - 1) more" : ""
            throw CurfewError(
                error.code == .damaged ? .damaged : .unreachable,
                "\(error). Object \(first.object)\(others) not deleted: the records stay claimed for the next run")
        }
        var deleted: [Claimed] = []
        for (item, outcome) in zip(claimed, outcomes) {
            switch outcome {
            case .deleted: deleted.append(item)
            case .kept(let why):
                tally.failed(item.judged.entry.id, "\(place): object \(item.object) was not deleted: \(why)")
            }
        }
        return deleted
    }

    /// Waits for storage and lets the lease be renewed meanwhile: a request takes as long as it may, and no longer.
    private func whileAlive<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        let pause = engine.coordinator.lease / 4
        return try await withThrowingTaskGroup(of: Value?.self) { [control] group in
            group.addTask { try await body() }
            group.addTask {
                while true {
                    try await Task.sleep(for: pause)
                    try control.checkpoint()
                    control.advance { $0.step = "storage" }
                }
            }
            defer { group.cancelAll() }
            while let next = try await group.next() {
                if let value = next { return value }
            }
            throw CancellationError()
        }
    }

    /// Removes the records of deleted objects and counts them.
    private func remove(_ page: ArraySlice<Claimed>, _ saga: Saga?, _ tally: inout Tally) async throws {
        var removals: [Judged] = []
        for item in page {
            do {
                let removal = try item.change.removal(of: item.record, status: cleanup.statusField)
                removals.append(
                    Judged(
                        entry: item.judged.claimed(cleanup.indexUnit), record: item.record, decision: .change(removal)))
            } catch {
                tally.failed(item.judged.entry.id, error.message)
            }
        }
        for (judged, result) in zip(removals, try await commit(removals, saga)) {
            switch result {
            case .changed:
                guard let change = judged.change else { continue }
                tally.changed(judged.entry.id, change, isDryRun: false)
            case .refused(let why): tally.failed(judged.entry.id, why)
            case .moved, .left, .malformed: tally.moved()
            }
        }
    }

    /// Commits changes that are guarded so well that they may be sent again when a reply was lost.
    private func commit(_ page: [Judged], _ saga: Saga?) async throws -> [Committer.Result] {
        guard let claim, !page.isEmpty else { return [] }
        if let saga { return try await saga.commit(page, rescores: true) }
        var tries = 0
        var results = try await retrying {
            tries += 1
            // Objects that are gone can't wait for another run to see it: only a lost lease is a reason to stop here.
            if control.stopReason() == .lost { throw RunControl.Stop.lost }
            let committer = committer(claim)
            let prepared = try await committer.prepare(page, at: now, rescores: true)
            let replies = try await engine.redis.pipeline([prepared.command])
            return try await committer.results(of: prepared, reply: replies[0])
        }
        guard tries > 1 else { return results }
        // A change that the lost reply was about is made already: its guards don't hold any more.
        let moved = results.indices.filter { if case .moved = results[$0] { true } else { false } }
        let keys = moved.map { RedisCommand("EXISTS", [page[$0].record.key]) }
        let replies = try await retrying { try await engine.redis.pipeline(keys) }
        for (place, reply) in zip(moved, replies) where reply.integer == 0 && page[place].change?.removesRecord == true
        {
            results[place] = .changed(isRefunded: false)
        }
        return results
    }
}

extension Record {
    /// Whether nothing that decided over it has changed since, but what the claim has written.
    fileprivate func isAsClaimed(by claim: Change, since old: Record) -> Bool {
        guard case .hash(let fields) = old.content, case .hash = content else { return false }
        return zip(fields.names, fields.values).allSatisfy { name, value in
            let written = claim.sets.first { $0.field == name }
            return self[name] == (written.map(\.value) ?? value)
        }
    }
}

extension Judged {
    /// Its index entry as the claim has left it.
    fileprivate func claimed(_ unit: ScoreUnit) -> DueEntry {
        guard let next = change?.next else { return entry }
        return DueEntry(id: entry.id, score: Double(next.milliseconds), scoreText: unit.score(of: next))
    }
}

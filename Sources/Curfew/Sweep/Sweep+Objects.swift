internal import Algorithms
internal import Policies
internal import RedisClient

/// How a sweep deletes objects whose records it has claimed, a thousand in one request (see `ObjectClaim.swift`).
///
/// What may go wrong, and what then: an object that storage keeps is its record's error; a request that fails as a whole,
/// after some tries, ends the run. Either way the records stay claimed and are looked at again by the next run.
/// Storage confirms the deletion of what never was, so each object is asked for first: one that isn't there is counted apart,
/// and where none of a request's is, the run is refused, because it is more likely that keys or bucket are wrong. A record
/// that an earlier run has claimed is another matter: its object may be gone by that run.
extension Sweep {
    /// Deletes the objects of claimed records: as many as fill requests or, at the end, all.
    func deleteObjects(_ state: inout State, all: Bool) async throws {
        while state.claimed.count >= (all ? 1 : DeleteRequest.mostKeys) {
            let count = DeleteRequest.count(ofEach: state.claimed.lazy.compactMap(\.change?.objects?.keys))
            let batch = Array(state.claimed.prefix(count))
            state.claimed.removeFirst(count)
            let size = state.size.current
            defer {
                let outcome = state.outcome
                control.advance { $0.report(outcome) }
            }
            let claimed = try await confirmed(batch, pageSize: size, state.committer, &state.outcome.counters)
            let deleted: [ClaimedRecord]
            try await replicate(claimed)
            do {
                deleted = try await self.deleted(claimed, &state.outcome.counters)
            } catch let refusal as RunGuard.Refusal {
                // Their claims are taken back with all others, when what is on its way is back.
                state.claimed = claimed.map(\.judged) + state.claimed
                throw refusal
            }
            for page in deleted.chunks(ofCount: size) {
                await FailPoint.reached(.beforeRemoval, cleanup)
                try await remove(page, state.committer, &state.outcome.counters)
            }
        }
    }

    /// Deletes objects in one request; gives back the records whose objects are gone.
    private func deleted(_ claimed: [ClaimedRecord], _ counters: inout RunCounters) async throws -> [ClaimedRecord] {
        guard let name = claimed.first?.change.objects?.storage else { return [] }
        let storage = try services.storage(named: name, clock: clock)
        let place = storage.configuration.place
        do {
            let seen = try await seen(claimed, in: storage, &counters)
            let objects = seen.map(\.objects)
            let outcomes = try await whileAlive { [control, cleanup] in
                await FailPoint.reached(.beforeDeletion, cleanup)
                let outcomes = try await storage.delete(objects.flatMap(\.self)) { try control.checkpoint() }
                await FailPoint.reached(.afterDeletion, cleanup)
                return outcomes
            }
            var deleted: [ClaimedRecord] = []
            var rest = outcomes[...]
            for item in seen {
                var kept: String?
                for (object, outcome) in zip(item.objects, rest.prefix(item.objects.count)) {
                    guard kept == nil, case .kept(let why) = outcome else { continue }
                    kept = "\(place): object \(object) was not deleted: \(why)"
                }
                rest = rest.dropFirst(item.objects.count)
                if let kept { counters.failed(item.judged.entry.id, kept) } else { deleted.append(item) }
            }
            return deleted
        } catch let error as StorageError {
            for item in claimed {
                counters.failed(item.judged.entry.id, "object \(item.objects[0]) was not deleted: \(error)")
            }
            let others = claimed.count > 1 ? " and \(claimed.count - 1) more" : ""
            throw CurfewError(
                error.code == .damaged ? .damaged : .unreachable,
                "\(error). Object \(claimed[0].objects[0])\(others) not deleted: the records stay claimed for the next run"
            )
        }
    }

    /// The records whose objects may be deleted, after a look at which are there.
    private func seen(
        _ claimed: [ClaimedRecord], in storage: ObjectStorage, _ counters: inout RunCounters
    ) async throws -> [ClaimedRecord] {
        let objects = claimed.filter(\.isFresh).flatMap(\.objects)
        guard !objects.isEmpty else { return claimed }
        let presence = try await whileAlive { [control] in
            try await storage.presence(of: objects) { try control.checkpoint() }
        }
        let absent = presence.count { $0 == .absent }
        counters.foundAbsent(absent)
        if absent == presence.count, cleanup.missing == .refuse, !options.mayAllBeMissing {
            let withheld = claimed.compactMap { item in item.isFresh ? item : nil }
            counters.withheld(withheld.count, absent: absent)
            throw Self.refusal(objects, in: storage.configuration.bucket, of: withheld.count)
        }
        var seen: [ClaimedRecord] = []
        var rest = presence[...]
        for var item in claimed {
            guard item.isFresh else {
                seen.append(item)
                continue
            }
            let own = zip(item.objects, rest.prefix(item.objects.count))
            rest = rest.dropFirst(item.objects.count)
            var unknown: String?
            for (object, presence) in own {
                guard unknown == nil, case .unknown(let why) = presence else { continue }
                unknown = "object \(object) was not deleted: \(why)"
            }
            if let unknown {
                counters.failed(item.judged.entry.id, unknown)
                continue
            }
            // Nothing was freed by what wasn't there.
            if own.allSatisfy({ $0.1 == .absent }) { item.change = item.change.freeing(0) }
            seen.append(item)
        }
        return seen
    }

    private static func refusal(_ objects: [String], in bucket: String, of records: Int) -> RunGuard.Refusal {
        var named = objects.prefix(3).map { "“\(shortened($0))”" }.joined(separator: ", ")
        if objects.count > 3 { named += ", …" }
        let noun = objects.count == 1 ? "object" : "objects"
        return RunGuard.Refusal(
            count: records, tracked: records, isMissing: true,
            message:
                "none of \(objects.count) \(noun) is in the bucket \(bucket): \(named); nothing was deleted. Look at "
                + "object and storage; if all of them may be gone, say missing: drop")
    }

    private static func shortened(_ key: String) -> String {
        key.utf8.count > 200 ? key.shortened(to: 60) : key
    }

    /// Waits for storage and lets the lease be renewed meanwhile: a request takes as long as it may, and no longer.
    private func whileAlive<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        let pause = services.coordinator.lease / 4
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
    private func remove(_ page: ArraySlice<ClaimedRecord>, _ committer: any Committing, _ counters: inout RunCounters)
        async throws
    {
        var removals: [Evaluation] = []
        for item in page {
            do {
                let removal = try item.change.removal(of: item.record, status: cleanup.statusField)
                removals.append(
                    Evaluation(
                        entry: item.judged.claimed(cleanup.indexUnit), record: item.record, decision: .change(removal)))
            } catch {
                counters.failed(item.judged.entry.id, error.message)
            }
        }
        for (judged, result) in zip(removals, try await committer.commit(removals, rescores: true, repeats: true)) {
            switch result {
            case .changed:
                guard let change = judged.change else { continue }
                counters.changed(judged.entry.id, change, isDryRun: false)
                if logsRecords { logChange(judged.entry.id, change) }
            case .refused(let why): counters.failed(judged.entry.id, why)
            case .moved, .left, .malformed: counters.moved()
            }
        }
    }
}

extension Evaluation {
    /// Its index entry as the claim has left it.
    func claimed(_ unit: ScoreUnit) -> DueEntry {
        guard let next = change?.next else { return entry }
        return DueEntry(id: entry.id, score: Double(next.milliseconds), scoreText: unit.score(of: next))
    }
}

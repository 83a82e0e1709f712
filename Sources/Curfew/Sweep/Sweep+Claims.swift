internal import Algorithms
internal import Logging
internal import Policies
internal import RedisClient

/// A claimed record as it was read after the claim.
struct ClaimedRecord: Sendable {
    let judged: Evaluation
    var change: Change
    let record: Record

    /// The keys of its objects; never empty.
    var objects: [String] { change.objects?.keys ?? [] }

    /// Whether this run has claimed it: whether its claim has written anything.
    var isFresh: Bool { change.write?.sets.isEmpty == false }
}

/// Claims between their commit and the deletion of the objects: read once more, and taken back where they should be.
extension Sweep {
    /// Reads claimed records again.
    ///
    /// One that the app has changed since it was judged, as by linking it, or whose object has other users now, is no longer
    /// what was decided over: its claim is taken back.
    func confirmed(
        _ batch: [Evaluation], pageSize: Int, _ committer: any Committing, _ counters: inout RunCounters
    ) async throws -> [ClaimedRecord] {
        var claimed: [ClaimedRecord] = []
        var released: [Evaluation] = []
        for page in batch.chunks(ofCount: pageSize) {
            try control.checkpoint()
            let reads = try await reread(page)
            let shared = try await shared(page, reads)
            for (judged, read) in zip(page, reads) {
                guard let change = judged.change, change.objects != nil else { continue }
                switch read {
                case .failure(let error): counters.failed(judged.entry.id, error.message)
                case .success(let record)
                where record.isAsClaimed(by: change, since: judged.record) && !shared.contains(record.key):
                    claimed.append(ClaimedRecord(judged: judged, change: change, record: record))
                case .success(let record):
                    counters.moved()
                    if let release = Self.release(judged, change, record, cleanup, at: now) { released.append(release) }
                }
            }
        }
        if !released.isEmpty { _ = try await committer.commit(released, rescores: true, repeats: true) }
        return claimed
    }

    /// Takes back the claims of this run whose objects are not deleted, where the run is refused.
    ///
    /// Where that fails, they stay claimed and the next run looks at them again.
    func releaseClaims(_ state: inout State) async {
        guard state.outcome.error is RunGuard.Refusal else { return }
        let size = state.size.current
        do {
            while !state.claimed.isEmpty {
                let page = state.claimed.prefix(size)
                state.claimed.removeFirst(page.count)
                let released = zip(page, try await reread(page)).compactMap { judged, read -> Evaluation? in
                    guard let change = judged.change, case .success(let record) = read else { return nil }
                    return Self.release(judged, change, record, cleanup, at: now)
                }
                _ = try await state.committer.commit(released, rescores: true, repeats: true)
            }
        } catch {
            store.logger.warning("claims could not be taken back", metadata: ["error": "\(error)"])
        }
    }

    private func reread(_ page: ArraySlice<Evaluation>) async throws -> [RecordReader.Read] {
        let entries = page.map { (entry: $0.entry, key: $0.record.key) }
        let reader = judge.reader
        let commands = judge.commands(for: entries)
        return try await retrying {
            try await reader.records(entries, replies: try await store.redis.pipeline(commands))
        }
    }

    /// The keys of those records whose objects others use too, where a key counts them.
    ///
    /// The count is guarded at the claim; this is the last look before the object goes.
    private func shared(
        _ page: ArraySlice<Evaluation>, _ reads: [RecordReader.Read]
    ) async throws -> [String] {
        var questions: [(record: Record, question: Question)] = []
        for (judged, read) in zip(page, reads) {
            guard case .success(let record) = read, record.content != .missing else { continue }
            for case .atMost(let key, _) in judged.change?.guards ?? [] { questions.append((record, .count(key: key))) }
        }
        guard !questions.isEmpty else { return [] }
        let asked = questions
        let reader = judge.reader
        let now = now
        let answers = try await retrying { try await reader.answers(asked, at: now) }
        return zip(asked, answers).compactMap { item, answer in
            if case .count(let count) = answer, count <= ObjectUses.most { nil } else { item.record.key }
        }
    }

    /// Takes a claim back where it is still there; nil where it isn't, or is one of an earlier run.
    private static func release(
        _ judged: Evaluation, _ change: Change, _ record: Record, _ cleanup: Cleanup, at now: Timestamp
    ) -> Evaluation? {
        guard let sets = change.write?.sets, !sets.isEmpty, sets.allSatisfy({ record[$0.field] == $0.value }) else {
            return nil
        }
        do {
            let release = try change.release(of: record, status: cleanup.statusField, at: now)
            return Evaluation(entry: judged.claimed(cleanup.indexUnit), record: record, decision: .change(release))
        } catch {
            // The record can't be written any more; the run that looks at it next says why.
            return nil
        }
    }
}

extension Record {
    /// Whether nothing that decided over it has changed since, but what the claim has written.
    fileprivate func isAsClaimed(by claim: Change, since old: Record) -> Bool {
        guard case .hash(let fields) = old.content, case .hash = content else { return false }
        return zip(fields.names, fields.values).allSatisfy { name, value in
            let written = claim.write?.sets.first { $0.field == name }
            return self[name] == (written.map(\.value) ?? value)
        }
    }
}

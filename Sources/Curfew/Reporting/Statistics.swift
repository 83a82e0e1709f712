internal import Algorithms
internal import Policies
internal import RedisClient

/// The size of a cleanup: the content of `curfew stats`.
///
/// Files are counted by a walk through the keyspace, at the pace of an indexing scan. The count ends after the
/// cleanup's `run-timeout`, even if it is incomplete. Its memory doesn't grow with the number of files. A key written
/// during the count may be missed, and a key that `SCAN` returns twice counts twice.
package struct Statistics: Sendable, Codable, Equatable {
    /// The cleanup.
    package var cleanup: String
    /// The kind of its policy.
    package var policy: String
    /// The number of records in the index, and of those that are due.
    package var tracked: Int, due: Int
    /// How long the oldest due record has been due.
    package var oldestOverdueMs: Int64
    /// The counts of files; nil for other policies.
    package var files: Files?

    /// The counts of files.
    package struct Files: Sendable, Codable, Equatable {
        /// All files, and the orphaned ones whose timeout has passed; those claimed by a run that failed are among them.
        package var totalFiles = 0, orphanedCount = 0
        /// Soft-deleted files, and files claimed for deletion from storage.
        package var softDeletedCount = 0, claimedCount = 0
        /// The size of all files and of the orphaned ones, according to their records.
        package var totalStorageBytes: Int64 = 0, orphanedBytes: Int64 = 0
        /// Records that can't be read or evaluated.
        package var unreadableCount = 0
        /// Whether the whole keyspace was walked.
        package var isComplete = false

        /// Creates empty counts.
        package init() {}
    }

    /// Counts; the control reports progress and says when to stop.
    static func read(
        _ store: Store, _ cleanup: Cleanup, names: RecordNames, control: RunControl
    ) async throws(CurfewError) -> Statistics {
        do {
            let now = try await store.serverClock().now
            let index = cleanup.indexKey(store.keys)
            let replies = try await store.redis.pipeline([
                RedisCommand("ZCARD", [index]),
                RedisCommand("ZCOUNT", [index, "-inf", cleanup.indexUnit.bound(of: now)]),
                RedisCommand("ZRANGE", [index, "0", "0", "WITHSCORES"]),
            ])
            if let error = replies.lazy.compactMap(\.error).first {
                throw CurfewError(.server, "reading \(index): \(error.message)")
            }
            let first = cleanup.indexUnit.milliseconds(replies[2].elements.last?.double ?? .infinity)
            let late = max(.zero, now - Timestamp(score: first)).milliseconds
            var statistics = Statistics(
                cleanup: cleanup.name, policy: cleanup.kind.rawValue,
                tracked: Int(replies[0].integer ?? 0), due: Int(replies[1].integer ?? 0), oldestOverdueMs: late)
            if let filing = cleanup.policy.filing {
                let count = FileCount(store: store, cleanup: cleanup, names: names, filing: filing, now: now)
                statistics.files = try await count.files(control)
            }
            return statistics
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.server, "counting \(cleanup.name): \(error)")
        }
    }
}

/// Counts the files of a cleanup.
private struct FileCount {
    let store: Store
    let cleanup: Cleanup
    let names: RecordNames
    let filing: Filing
    let now: Timestamp

    /// How many records are read in one pipeline.
    static let page = 64

    func files(_ control: RunControl) async throws -> Statistics.Files {
        var files = Statistics.Files()
        var walk = try await KeyspaceWalk(store: store, cleanup: cleanup, names: names)
        while true {
            switch control.stopReason() {
            case nil: break
            case .timedOut: return files
            case let stop?: throw stop
            }
            guard let ids = try await walk.next() else { break }
            for page in ids.chunks(ofCount: Self.page) {
                try await add(page, to: &files)
            }
            let percent = walk.percent
            control.advance { progress in
                progress.percent = percent
                progress.found = files.totalFiles
                progress.step = "count"
            }
        }
        files.isComplete = true
        return files
    }

    private func add(_ ids: ArraySlice<String>, to files: inout Statistics.Files) async throws {
        let reader = RecordReader(redis: store.redis, cleanup: cleanup, keys: store.keys)
        let judge = Evaluator(reader: reader)
        let entries = try judge.keyed(ids.map { DueEntry(id: $0, score: 0, scoreText: "0") }[...])
        let replies = try await store.redis.pipeline(judge.commands(for: entries))
        for judged in try await judge.decide(entries, replies: replies, at: now) { add(judged, to: &files) }
    }

    private func addClaimed(_ record: Record, _ bytes: Int64, to files: inout Statistics.Files) {
        if let field = filing.deletedSince, let since = record[field], !since.isEmpty {
            files.softDeletedCount += 1
        } else {
            files.orphanedCount += 1
            files.orphanedBytes = files.orphanedBytes.addingReportingOverflow(bytes).partialValue
        }
    }

    private func add(_ judged: Evaluation, to files: inout Statistics.Files) {
        let record = judged.record
        if case .missing = record.content {
            // An unreadable file still exists.
            guard case .malformed = judged.decision else { return }
            files.totalFiles += 1
            files.unreadableCount += 1
            return
        }
        let bytes = filing.bytes(of: record)
        files.totalFiles += 1
        files.totalStorageBytes = files.totalStorageBytes.addingReportingOverflow(bytes).partialValue
        if record[cleanup.statusField] == filing.claimed {
            // Until it is deleted it is what it was before it was claimed.
            files.claimedCount += 1
            addClaimed(record, bytes, to: &files)
        } else if let field = filing.deletedSince, let since = record[field], !since.isEmpty {
            files.softDeletedCount += 1
        } else {
            switch judged.decision {
            case .change:
                files.orphanedCount += 1
                files.orphanedBytes = files.orphanedBytes.addingReportingOverflow(bytes).partialValue
            case .malformed: files.unreadableCount += 1
            case .leave, .drop: break
            }
        }
    }
}

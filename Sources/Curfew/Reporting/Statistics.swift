internal import Algorithms
internal import Policies
internal import RedisClient

/// How much a cleanup watches over: what `curfew stats` shows.
///
/// Files are counted one by one, by a walk through the keyspace at the pace of an indexing scan. It ends after the
/// cleanup's `run-timeout`, whatever is left; its memory doesn't grow with what it counts. A key that is written while it
/// lasts may be missed, and one that `SCAN` shows twice counts twice.
package struct Statistics: Sendable, Codable, Equatable {
    /// The cleanup.
    package var cleanup: String
    /// The kind of its policy.
    package var policy: String
    /// Records in its index, and those of them that are due.
    package var tracked: Int, due: Int
    /// For how long the first of them has been due.
    package var oldestOverdueMs: Int64
    /// What files come to; nil for any other kind.
    package var files: Files?

    /// What the files of a cleanup come to.
    package struct Files: Sendable, Codable, Equatable {
        /// Files, and those of them that have had no owner for so long that they would be deleted or marked.
        package var totalFiles = 0, orphanedCount = 0
        /// Files that were deleted softly, and those that are claimed to be deleted from storage.
        package var softDeletedCount = 0, claimedCount = 0
        /// What all files take, and what the orphaned ones do, as far as their records say.
        package var totalStorageBytes: Int64 = 0, orphanedBytes: Int64 = 0
        /// Records that can't be read or judged.
        package var unreadableCount = 0
        /// Whether the whole keyspace was walked through.
        package var isComplete = false

        /// Makes it, with nothing counted.
        package init() {}
    }

    /// Counts; the control says when to stop, and learns how far it is.
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

    /// The most records that are read in one pipeline.
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

    private func add(_ judged: Evaluation, to files: inout Statistics.Files) {
        let record = judged.record
        if case .missing = record.content {
            // One that can't be read is there all the same.
            guard case .malformed = judged.decision else { return }
            files.totalFiles += 1
            files.unreadableCount += 1
            return
        }
        let bytes = filing.bytes(of: record)
        files.totalFiles += 1
        files.totalStorageBytes = files.totalStorageBytes.addingReportingOverflow(bytes).partialValue
        if record[cleanup.statusField] == filing.claimed {
            files.claimedCount += 1
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

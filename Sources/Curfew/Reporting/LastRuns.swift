internal import Policies
internal import RedisClient
internal import Synchronization

/// How the last run of a cleanup ended.
package struct LastRun: Sendable, Codable, Equatable {
    /// The run, and how it ended.
    package var run: String, status: String
    /// When it ended: ISO 8601; and the same in Unix milliseconds.
    package var endedAt: String, endedMs: Int64
    /// Records with errors.
    package var failed: Int
    /// Why it failed, if it did.
    package var error: String?
    /// How many runs have failed in a row, this one included.
    package var failuresInARow: Int

    /// Whether it processed everything that it found.
    package var isWhole: Bool { status == RunResult.Status.completed.rawValue }
    /// Whether it ended without doing its work.
    package var isFailure: Bool { Self.failures.contains(status) }

    private static let failures = Set(
        [RunResult.Status.failed, .refused, .lost, .timedOut].map(\.rawValue))
    private static let successes = Set([RunResult.Status.completed, .completedWithErrors].map(\.rawValue))

    /// Reads an entry of the history; nil if it isn't about what the cleanup itself does: an undo, or a requested dry run.
    init?(_ entry: StreamEntry) {
        guard let run = entry["run"], let status = entry["status"], entry["trigger"] != Trigger.undo,
            entry["dry_run"] != "1" || entry["trigger"] == Trigger.schedule
        else { return nil }
        let ended = entry["finished_ms"].flatMap { Int64($0) } ?? Int64(entry.id.prefix { $0 != "-" }) ?? 0
        let error = entry["error"] ?? ""
        self.init(
            run: run, status: status, endedAt: TimeText.moment(String(ended)), endedMs: ended,
            failed: max(0, entry["failed"].flatMap { Int($0) } ?? 0), error: error.isEmpty ? nil : error,
            failuresInARow: Self.failures.contains(status) ? 1 : 0)
    }

    private init(
        run: String, status: String, endedAt: String, endedMs: Int64, failed: Int, error: String?, failuresInARow: Int
    ) {
        (self.run, self.status, self.endedAt, self.endedMs) = (run, status, endedAt, endedMs)
        (self.failed, self.error, self.failuresInARow) = (failed, error, failuresInARow)
    }

    /// Whether it ends a series of failures.
    var isSuccess: Bool { Self.successes.contains(status) }

    /// This run, as the one after another.
    func following(_ earlier: LastRun?) -> LastRun {
        var run = self
        // A cancelled run neither continues the series nor ends it.
        if !isSuccess { run.failuresInARow += earlier?.failuresInARow ?? 0 }
        return run
    }
}

/// The last run of each cleanup, from the history: searched once, then kept up to date with what is new.
///
/// The first search goes back until every cleanup that has ever run is found, over a limited number of entries. A cleanup
/// whose last run is older than those has none.
package final class LastRuns: Sendable {
    /// How many entries the first search examines at most.
    static let mostExamined = 10_000
    /// How many new entries one later read takes at most; the next one continues.
    private static let mostNew = 5_000

    private struct State {
        var runs: [String: LastRun] = [:]
        /// The id of the last examined entry; nil before the first search.
        var last: String?
    }

    private let state = Mutex(State())

    /// Creates it without knowing anything.
    package init() {}

    /// The last run of each cleanup.
    func read(_ store: Store) async throws(CurfewError) -> [String: LastRun] {
        do {
            if let last = state.withLock(\.last) {
                try await readNew(store, after: last)
            } else {
                let first = try await search(store)
                state.withLock { if $0.last == nil { $0 = first } }
            }
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.server, "\(error)")
        }
        return state.withLock(\.runs)
    }

    private func readNew(_ store: Store, after last: String) async throws {
        var last = last
        for _ in 0..<(Self.mostNew / StreamPage.most) {
            let page = try await StreamPage(
                "XRANGE", of: store.keys.runs, from: "(" + last, to: "+", store.redis)
            guard let end = page.entries.last?.id else { return }
            state.withLock { state in
                // Of two reads at the same time the second adds nothing.
                guard state.last == last else { return }
                for entry in page.entries {
                    guard let cleanup = entry["cleanup"], let run = LastRun(entry) else { continue }
                    state.runs[cleanup] = run.following(state.runs[cleanup])
                }
                state.last = end
            }
            guard page.isFull else { return }
            last = end
        }
    }

    /// Searches from the newest entry back.
    private func search(_ store: Store) async throws -> State {
        let fences = try await store.redis.send(RedisCommand("HGETALL", [store.keys.fence]))
        // A cleanup without a fence has never run, and isn't waited for.
        var missing = Set(fences.pairs.map(\.0))
        var state = State()
        var end = "+"
        var examined = 0
        while !missing.isEmpty, examined < Self.mostExamined {
            let page = try await StreamPage.values(
                "XREVRANGE", of: store.keys.runs, from: end, to: "-", store.redis)
            for value in page.entries {
                state.last = state.last ?? value[0].string
                // Most entries are older runs of cleanups that are found: only the others are decoded.
                guard let cleanup = value[1].field("cleanup")?.string,
                    state.runs[cleanup] == nil || missing.contains(cleanup), let run = LastRun(StreamEntry(value))
                else { continue }
                Self.add(run, of: cleanup, to: &state.runs, &missing)
            }
            examined += page.entries.count
            guard page.isFull, let last = page.entries.last?[0].string else { break }
            end = "(" + last
        }
        state.last = state.last ?? "0-0"
        return state
    }

    /// Adds the next older run of a cleanup, unless its series of failures is complete.
    private static func add(
        _ run: LastRun, of cleanup: String, to runs: inout [String: LastRun], _ missing: inout Set<String>
    ) {
        if let newer = runs[cleanup] {
            guard missing.contains(cleanup) else { return }
            runs[cleanup]?.failuresInARow = newer.failuresInARow + (run.isFailure ? 1 : 0)
        } else {
            runs[cleanup] = run
        }
        if run.isSuccess { missing.remove(cleanup) }
    }
}

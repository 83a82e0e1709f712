internal import Logging
internal import Policies
internal import RedisClient

/// Scans that belong to a run or a preview.
extension KeyspaceScan {
    /// The most records that a preview without an index finds.
    static let mostListed = 100_000
    /// The delays between two checks of another instance's scan, or after a failure.
    private static let backoff = Backoff(first: .milliseconds(20), factor: 2, most: .seconds(1))

    /// Scans before the sweep of a run, if the sweep would otherwise miss records.
    ///
    /// A scheduled run waits only for the first scan of an index that Curfew keeps; later scans run in parallel. A
    /// requested run always scans, so that it finds records written a moment ago; for an index of the application,
    /// which a scan only repairs with future deadlines, only if a scan is due. If another instance is already scanning,
    /// the run waits for it.
    func runBeforeSweep(isAsked: Bool) async throws {
        let isOwn = cleanup.index == nil
        guard isOwn || isAsked else { return }
        var when: ScanClaimCall.When = isOwn ? (isAsked ? .now : .first) : .due
        var fence = ""
        var retries = Retries(Self.backoff)
        while true {
            try control.checkpoint()
            do {
                guard case .held = try await runOnce(when, fence: &fence), isOwn else { return }
                // The scan of another instance finds the same records.
                if when == .now { when = .due }
            } catch let error as CurfewError where FullMemory.isMeant(error) {
                // The records already in the index may free the memory.
                store.logger.warning(
                    "Redis is full: the scan is skipped, and the run uses the index as it is",
                    metadata: ["cleanup": "\(cleanup.name)", "error": "\(error)"])
                return
            } catch {
                guard CommitScope.isPassing(error) else { throw error }
                if let stop = control.stopReason() {
                    if stop == .lost { control.failed(error) }
                    throw stop
                }
            }
            try await Task.sleep(for: retries.failed())
        }
    }

    /// Finds records without writing anything, for a preview: at most ``mostListed``.
    func entries() async throws -> [DueEntry] {
        var walk = try await KeyspaceWalk(store: store, cleanup: cleanup, names: names)
        var found: Set<String> = []
        while found.count < Self.mostListed {
            try control.checkpoint()
            show(percent: walk.percent)
            guard let ids = try await walk.next() else { break }
            found.formUnion(ids)
        }
        return found.sorted().map { DueEntry(id: $0, score: 0, scoreText: "0") }
    }
}

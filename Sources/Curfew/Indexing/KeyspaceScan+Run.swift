internal import Logging
internal import Policies
internal import RedisClient

/// The scans that belong to a run or a preview.
extension KeyspaceScan {
    /// The most records that a look without an index finds.
    static let mostListed = 100_000
    /// The pauses between two looks at a scan that another does, or after a failure.
    private static let backoff = Backoff(first: .milliseconds(20), factor: 2, most: .seconds(1))

    /// Scans before the sweep of a run, where the sweep would else not know its records.
    ///
    /// The schedule's runs wait for the first scan of an index that Curfew keeps, and for no other: those go on beside them.
    /// A run that somebody asked for scans in any case, so that it finds what was written a moment ago. Of an index of the
    /// app's own, which a scan only repairs with deadlines in the future, it does so when it is time. Where another scans
    /// already, the run waits for it.
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
                // What the other finds is as good as what a scan of ours would find.
                if when == .now { when = .due }
            } catch let error as CurfewError where FullMemory.isMeant(error) {
                // What is known already may be what frees the memory.
                store.logger.warning(
                    "Redis is full: the scan is left out, and the run goes by what the index has",
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

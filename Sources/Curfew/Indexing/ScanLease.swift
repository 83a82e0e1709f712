internal import Policies
internal import RedisClient

/// The right to scan the keyspace for a cleanup, and the progress of the scan: the hash `{curfew}:scan:<cleanup>`,
/// which only the functions `curfew_scan_claim` and `curfew_scan_report` change.
///
/// It is separate from the lease of runs, so that runs and a scan can proceed in parallel. One instance scans at a
/// time; if it dies, its lease expires and another instance continues from the saved cursors. A cursor is only valid
/// for its server process, so a scan starts again after a restart or failover of Redis; in a cluster only at that node,
/// which the scanner checks itself.
struct ScanLease: Sendable {
    /// The answer to a claim.
    enum Answer: Sendable {
        /// This instance has the scan, starting here.
        case claimed(ScanPosition, ServerClock)
        /// Another scanner has it for at least this time, with this progress.
        case held(for: Duration, ScanPosition)
        /// There is nothing to scan for this time.
        case notDue(for: Duration)
    }

    /// The instance that claims a scan, and the duration of the lease.
    struct Claimant: Sendable {
        let instance: Instance
        let lease: Duration
    }

    let store: Store
    let cleanup: Cleanup
    let claimant: Claimant
    let interval: Duration

    /// Claims the scan.
    ///
    /// - Parameter fence: the fence of a lease whose state is unknown after an error; otherwise empty.
    func claim(_ when: ScanClaimCall.When, fence: String) async throws(CurfewError) -> Answer {
        switch try await store.functions.call(ScanClaimCall(holder: holder(fence), when: when)) {
        case .claimed(let fence, let words, let now):
            return .claimed(ScanPosition(fence: fence, words), ServerClock(Timestamp(milliseconds: now)))
        case .held(let wait, let words): return .held(for: .milliseconds(wait), ScanPosition(fence: "", words))
        case .notDue(let wait): return .notDue(for: .milliseconds(wait))
        }
    }

    /// The call that saves the progress and renews the lease.
    func saving(_ position: ScanPosition) -> ScanReportCall { report(.save, position) }

    /// The scan is complete; the next one begins at the start.
    func finish(_ position: ScanPosition) async throws(CurfewError) -> ScanReportCall.Answer {
        var position = position
        position.cursors = ScanCursors()
        return try await store.functions.call(report(.finish, position))
    }

    /// Releases the lease with the saved cursor, and wakes the other instances.
    func release(_ position: ScanPosition) async throws(CurfewError) {
        _ = try await store.functions.call(report(.release, position))
    }

    private func holder(_ fence: String) -> ScanHolder {
        ScanHolder(
            keys: store.keys, cleanup: cleanup.name, instance: claimant.instance.id, fence: fence,
            lease: claimant.lease, interval: interval, server: store.redis.isCluster ? "cluster" : "")
    }

    private func report(_ step: ScanReportCall.Step, _ position: ScanPosition) -> ScanReportCall {
        // A single server knows the number of its keys.
        let keys = store.redis.isCluster ? String(position.keys) : ""
        let words = ScanWords(
            cursor: position.cursors.text, seen: String(position.seen), added: String(position.added), keys: keys)
        return ScanReportCall(
            holder: holder(position.fence), step: step, words: words, wake: step == .release ? store.keys.wake : "")
    }
}

extension ScanPosition {
    /// The saved progress of a scan.
    fileprivate init(fence: String, _ words: ScanWords) {
        self.init(
            fence: fence, cursors: ScanCursors(words.cursor), seen: Self.count(words.seen),
            added: Self.count(words.added), keys: Self.count(words.keys))
    }
}

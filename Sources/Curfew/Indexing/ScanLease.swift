internal import Policies
internal import RedisClient

/// The right to scan the keyspace for a cleanup, and how far the scan is: the hash `{curfew}:scan:<cleanup>`, changed only
/// by the functions `curfew_scan_claim` and `curfew_scan_report`.
///
/// It is apart from the lease of runs, so that runs and a scan go on side by side. One instance scans at a time; where it
/// dies, its lease runs out and another goes on from the cursors that were saved last. A cursor means nothing to another
/// server process, so a scan begins anew after Redis was restarted or has failed over; in a cluster only at that node,
/// which the scanner watches itself.
struct ScanLease: Sendable {
    /// What a claim is answered with.
    enum Answer: Sendable {
        /// The scan is ours, from here on.
        case claimed(ScanPosition, ServerClock)
        /// Another scanner has it, until then at least; this far it is.
        case held(for: Duration, ScanPosition)
        /// There is nothing to scan for so long.
        case notDue(for: Duration)
    }

    /// Who asks for a scan, and for how long it is then had.
    struct Claimant: Sendable {
        let instance: Instance
        let lease: Duration
    }

    let store: Store
    let cleanup: Cleanup
    let claimant: Claimant
    let interval: Duration

    /// Asks for the scan.
    ///
    /// - Parameter fence: that of the lease held before, after an error that left it in doubt; else empty.
    func claim(_ when: ScanClaimCall.When, fence: String) async throws(CurfewError) -> Answer {
        switch try await store.functions.call(ScanClaimCall(holder: holder(fence), when: when)) {
        case .claimed(let fence, let words, let now):
            return .claimed(ScanPosition(fence: fence, words), ServerClock(Timestamp(milliseconds: now)))
        case .held(let wait, let words): return .held(for: .milliseconds(wait), ScanPosition(fence: "", words))
        case .notDue(let wait): return .notDue(for: .milliseconds(wait))
        }
    }

    /// The call that saves how far the scan is and extends the lease.
    func saving(_ position: ScanPosition) -> ScanReportCall { report(.save, position) }

    /// The scan is through; the next one begins at the start.
    func finish(_ position: ScanPosition) async throws(CurfewError) -> ScanReportCall.Answer {
        var position = position
        position.cursors = ScanCursors()
        return try await store.functions.call(report(.finish, position))
    }

    /// Gives the lease back with the cursor where it is, and wakes the others.
    func release(_ position: ScanPosition) async throws(CurfewError) {
        _ = try await store.functions.call(report(.release, position))
    }

    private func holder(_ fence: String) -> ScanHolder {
        ScanHolder(
            keys: store.keys, cleanup: cleanup.name, instance: claimant.instance.id, fence: fence,
            lease: claimant.lease, interval: interval, server: store.redis.isCluster ? "cluster" : "")
    }

    private func report(_ step: ScanReportCall.Step, _ position: ScanPosition) -> ScanReportCall {
        // A single server knows by itself how many keys it has.
        let keys = store.redis.isCluster ? String(position.keys) : ""
        let words = ScanWords(
            cursor: position.cursors.text, seen: String(position.seen), added: String(position.added), keys: keys)
        return ScanReportCall(
            holder: holder(position.fence), step: step, words: words, wake: step == .release ? store.keys.wake : "")
    }
}

extension ScanPosition {
    /// How far a scan is, as it was kept.
    fileprivate init(fence: String, _ words: ScanWords) {
        self.init(
            fence: fence, cursors: ScanCursors(words.cursor), seen: Self.count(words.seen),
            added: Self.count(words.added), keys: Self.count(words.keys))
    }
}

internal import Logging
internal import Policies
internal import RedisClient

/// Before what can't be undone: an object is deleted only when enough replicas know of its claim.
///
/// A failover goes on from what a replica has. Where that has neither the claim nor what the application wrote before it,
/// a file that was linked a moment ago is an orphan again, or an orphan that is gone is a record that counts.
extension Sweep {
    /// The longest wait for replicas; everything that is sent over the connection waits as long.
    private static let longestReplication: Duration = .seconds(1)

    /// Waits until as many replicas as the configuration says have what was written before.
    ///
    /// Throws where they haven't in time; the records then stay claimed for the next run.
    func replicate(_ claimed: [ClaimedRecord]) async throws {
        let wanted = cleanup.replicas ?? engine.configuration.minReplicas
        guard wanted > 0, !claimed.isEmpty, let claim else { return }
        let limit = min(Self.longestReplication, engine.coordinator.lease / 4)
        let wait = RedisCommand("WAIT", [String(wanted), String(limit.milliseconds)])
        if engine.redis.isCluster {
            let owners = engine.redis.owners
            for number in Set(claimed.compactMap { owners.number(of: $0.judged.record.key) }).sorted() {
                let node = owners.node(number)
                let reply = try await retrying { try await engine.redis.pipeline([wait], to: node)[0] }
                try check(reply, wanted, limit, of: claimed.count, at: node.description)
            }
            return
        }
        // WAIT tells of what its connection has written. One that is newer than the claim has written nothing: so it writes.
        let renewal = engine.coordinator.renewal(of: claim, progress: control.progress)
        let command = engine.library.outgoing(renewal.command)
        let replies = try await retrying { try await engine.redis.pipeline([command, wait]) }
        if let error = replies[0].error { throw CurfewError(error, "writing before the replicas are asked") }
        if renewal.answer(replies[0]) == .lost { throw RunControl.Stop.lost }
        try check(replies[1], wanted, limit, of: claimed.count, at: engine.redis.place)
    }

    private func check(
        _ reply: RedisValue, _ wanted: Int, _ limit: Duration, of count: Int, at place: String
    ) throws {
        if let error = reply.error { throw CurfewError(error, "asking \(place) what its replicas have (WAIT)") }
        let found = Int(reply.integer ?? 0)
        guard found < wanted else { return }
        let what = count == 1 ? "the object of 1 record" : "the objects of \(count) records"
        throw CurfewError(
            .server,
            "\(found) replicas of \(place) knew of the claims within \(limit.text), expected \(wanted) (replicas, "
                + "min-replicas): \(what) not deleted, and claimed for the next run")
    }
}

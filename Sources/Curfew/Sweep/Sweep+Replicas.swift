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
        let wanted = cleanup.replicas ?? services.minReplicas
        guard wanted > 0, !claimed.isEmpty, let claim else { return }
        let limit = min(Self.longestReplication, services.coordinator.lease / 4)
        let wait = RedisCommand("WAIT", [String(wanted), String(limit.milliseconds)])
        if store.redis.isCluster {
            return try await replicate(claimed, claim, wanted, limit, wait)
        }
        // WAIT tells of what its connection has written. One that is newer than the claim has written nothing: so it writes.
        let renewal = services.coordinator.renewal(of: claim, progress: control.progress)
        let command = store.functions.outgoing(renewal.command)
        let replies = try await retrying { try await store.redis.pipeline([command, wait]) }
        if let error = replies[0].error { throw CurfewError(error, "writing before the replicas are asked") }
        if renewal.answer(replies[0]) == .lost { throw RunControl.Stop.lost }
        try check(replies[1], wanted, limit, of: claimed.count, at: store.redis.place)
    }

    /// The same on each node that has claimed records.
    ///
    /// All are asked at once, so that a page waits once.
    private func replicate(
        _ claimed: [ClaimedRecord], _ claim: Claim, _ wanted: Int, _ limit: Duration, _ wait: RedisCommand
    ) async throws {
        let owners = store.redis.owners
        var byNode: [Int: [ClaimedRecord]] = [:]
        for item in claimed {
            guard let number = owners.number(of: item.judged.record.key) else {
                throw CurfewError(
                    .server,
                    "no node has \(item.judged.record.key) now, so no replica can be asked for its claim: "
                        + "\(Self.kept(claimed.count))")
            }
            byNode[number, default: []].append(item)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, items) in byNode {
                let node = owners.node(number)
                let write = store.functions.outgoing(Self.writing(beside: items[0].judged.record.key, claim))
                group.addTask {
                    let replies = try await retrying { try await store.redis.pipeline([write, wait], to: node) }
                    _ = try await store.functions.checked(replies[0], of: write, on: node)
                    try check(replies[1], wanted, limit, of: claimed.count, at: node.description)
                }
            }
            try await group.waitForAll()
        }
    }

    /// A call that writes something to a node, and leaves nothing: a mark of the run that comes and goes.
    private static func writing(beside record: String, _ claim: Claim) -> RedisCommand {
        let mark = SagaMark(key: Keys.pending(of: record, run: claim.run), term: claim.term)
        let field = mark.field(0)
        var change = PlainChange(member: "")
        change.write("HSET", .own(mark.key), [.value(field), .constant("")])
        change.write("HDEL", .own(mark.key), [.value(field)])
        var call = CommitCall(lease: nil, index: "", shared: [])
        var known = PlainChange.Known()
        change.append(to: &call, &known)
        return call.nodeCommand(isNote: true)
    }

    private static func kept(_ count: Int) -> String {
        let what = count == 1 ? "the object of 1 record" : "the objects of \(count) records"
        return "\(what) not deleted, and claimed for the next run"
    }

    private func check(
        _ reply: RedisValue, _ wanted: Int, _ limit: Duration, of count: Int, at place: String
    ) throws {
        if let error = reply.error { throw CurfewError(error, "asking \(place) what its replicas have (WAIT)") }
        let found = Int(reply.integer ?? 0)
        guard found < wanted else { return }
        throw CurfewError(
            .server,
            "\(found) replicas of \(place) knew of the claims within \(limit.text), expected \(wanted) (replicas, "
                + "min-replicas): \(Self.kept(count))")
    }
}

internal import Policies
internal import RedisClient

/// The right to scan the keyspace for a cleanup, and how far the scan is: the hash `{curfew}:scan:<cleanup>`, changed only
/// by the function `curfew_scan`.
///
/// It is apart from the lease of runs, so that runs and a scan go on side by side. One instance scans at a time; where it
/// dies, its lease runs out and another goes on from the cursors that were saved last. A cursor means nothing to another
/// server process, so a scan begins anew after Redis was restarted or has failed over; in a cluster only at that node,
/// which the scanner watches itself.
struct ScanLease: Sendable {
    /// When a scan is wanted.
    enum When: String, Sendable {
        /// When the interval since the last one has passed, or one was cut short.
        case due
        /// Now, whenever the last one was.
        case now
        /// Only where none was ever finished.
        case first
    }

    /// What a claim is answered with.
    enum Answer: Sendable {
        /// The scan is ours, from here on.
        case claimed(ScanPosition, ServerClock)
        /// Another scanner has it, until then at least; this far it is.
        case held(for: Duration, ScanPosition)
        /// There is nothing to scan for so long.
        case notDue(for: Duration)
    }

    /// What a report of progress is answered with.
    enum Report: Sendable {
        case accepted
        /// Another scanner has the lease.
        case lost
        /// Redis is another process than before: the scan begins anew.
        case restarted
    }

    let engine: Engine
    let cleanup: Cleanup
    let interval: Duration

    /// Asks for the scan.
    ///
    /// - Parameter fence: that of the lease held before, after an error that left it in doubt; else empty.
    func claim(_ when: When, fence: String) async throws(CurfewError) -> Answer {
        let reply = try await engine.library.call(command("claim", fence, [when.rawValue, server]))
        guard reply.count >= 3, let milliseconds = reply[1].integer, let third = reply[2].string else {
            throw unexpected
        }
        let wait = Duration.milliseconds(Int64(third) ?? 0)
        switch reply[0].string {
        case "claimed":
            return .claimed(try position(reply, fence: third), ServerClock(Timestamp(milliseconds: milliseconds)))
        case "held": return .held(for: wait, try position(reply, fence: ""))
        case "wait": return .notDue(for: wait)
        default: throw unexpected
        }
    }

    /// The command that saves how far the scan is and extends the lease.
    func saving(_ position: ScanPosition) -> RedisCommand {
        engine.library.outgoing(command("save", position.fence, arguments(of: position)))
    }

    /// What the server says to ``saving(_:)`` or to an end.
    func report(_ reply: RedisValue) throws(CurfewError) -> Report {
        switch reply.string {
        case "ok": return .accepted
        case "lost": return .lost
        case "restarted": return .restarted
        default: throw unexpected
        }
    }

    /// The scan is through; the next one begins at the start.
    func finish(_ position: ScanPosition) async throws(CurfewError) -> Report {
        var position = position
        position.cursors = ScanCursors()
        return try report(try await engine.library.call(command("finish", position.fence, arguments(of: position))))
    }

    /// Gives the lease back with the cursor where it is, and wakes the others.
    func release(_ position: ScanPosition) async throws(CurfewError) {
        _ = try await engine.library.call(
            command("release", position.fence, arguments(of: position, wake: engine.keys.wake)))
    }

    /// What stands for the server in a cluster, where each has cursors of its own; empty: the process that answers.
    private var server: String { engine.redis.isCluster ? "cluster" : "" }

    private func arguments(of position: ScanPosition, wake: String = "") -> [String] {
        // A single server knows by itself how many keys it has.
        let keys = engine.redis.isCluster ? String(position.keys) : ""
        return [position.cursors.text, String(position.seen), String(position.added), wake, server, keys]
    }

    private func command(_ step: String, _ fence: String, _ arguments: [String]) -> RedisCommand {
        FunctionLibrary.command(
            "curfew_scan", keys: [engine.keys.scan(cleanup.name), engine.keys.paused],
            arguments: [
                step, cleanup.name, engine.instance.id, fence, String(engine.coordinator.lease.milliseconds),
                String(interval.milliseconds),
            ] + arguments)
    }

    private func position(_ reply: RedisValue, fence: String) throws(CurfewError) -> ScanPosition {
        guard reply.count == 7, let cursor = reply[3].string else { throw unexpected }
        func number(_ place: Int) -> Int { ScanPosition.count(reply[place].string) }
        return ScanPosition(
            fence: fence, cursors: ScanCursors(cursor), seen: number(4), added: number(5), keys: number(6))
    }

    private var unexpected: CurfewError {
        CurfewError(.damaged, "curfew_scan answered something unexpected: is another library loaded as curfew?")
    }
}

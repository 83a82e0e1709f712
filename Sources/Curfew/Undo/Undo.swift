internal import Policies
internal import RedisClient

/// The wish to put back what one run did: the run is known, has ended, and can be undone.
///
/// Carried out by a ``Run`` of the same cleanup, under its lease, with trigger ``Trigger/undo``: also where the cleanup is paused, which is how
/// one ought to undo.
package struct Undo: Sendable {
    /// The action of its events.
    static let action = "undo"
    /// How far the times of a run and of its events may differ: both are the server's, but one is carried forward here.
    private static let slack = Duration.seconds(60)

    /// The run to be undone.
    package let run: String
    /// Its cleanup, as configured now.
    package let cleanup: Cleanup
    /// How many records it changed, as its history says; too few where it was lost.
    package let changed: Int
    /// Its events lie between these.
    let began: Timestamp, ended: Timestamp
    /// For how long, and how many, runs and events are kept.
    let streams: Configuration.Streams

    /// Finds the run.
    ///
    /// Throws a usage error where it is unknown, still under way, an undo itself, or only watched.
    package static func find(
        _ run: String, _ store: Store, cleanups: [Cleanup], streams: Configuration.Streams
    ) async throws(CurfewError) -> Undo {
        let entry = try await History(redis: store.redis).last(1, of: store.keys.runs) { $0["run"] == run }.first
        guard let entry else { throw try await unknown(run, store, streams) }
        let name = entry["cleanup"] ?? ""
        guard entry["trigger"] != Trigger.undo else {
            throw CurfewError(
                .usage, "\(run) is an undo itself, which can't be undone; “curfew run \(name)” does it again")
        }
        guard entry["dry_run"] != "1" else {
            throw CurfewError(.usage, "\(run) was a dry run: it changed nothing")
        }
        guard let cleanup = cleanups.first(where: { $0.name == name }) else {
            throw CurfewError(.usage, "\(run) is a run of \(name), which this configuration doesn't have")
        }
        guard let began = entry["started_ms"].flatMap({ Int64($0) }),
            let ended = entry["finished_ms"].flatMap({ Int64($0) })
        else {
            throw CurfewError(.damaged, "the history of \(run) says not when it was")
        }
        return Undo(
            run: run, cleanup: cleanup, changed: max(0, entry["changed"].flatMap { Int($0) } ?? 0),
            began: Timestamp(milliseconds: began) - slack, ended: Timestamp(milliseconds: ended) + slack,
            streams: streams)
    }

    private static func unknown(
        _ run: String, _ store: Store, _ streams: Configuration.Streams
    ) async throws(CurfewError) -> CurfewError {
        if let dash = run.lastIndex(of: "-") {
            let name = String(run[..<dash])
            let lease = RedisCommand("HGET", [store.keys.lease(name), "run"])
            if try await store.redis.reply(to: lease).string == run {
                return CurfewError(.usage, "\(run) has not ended yet; “curfew cancel \(name)” stops it")
            }
        }
        let kept = streams.runs.text
        return CurfewError(
            .usage,
            "there is no run “\(run)” in the history, which is kept for \(kept); “curfew history” lists the runs")
    }

    /// Why the events of the run can't all be found.
    func remark(missing: Int) -> String {
        "\(missing) of the \(changed) changes of \(run) are no longer in the events, which are kept for "
            + "\(streams.events.text) and up to about \(streams.length) of them"
    }
}

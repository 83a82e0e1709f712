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
    /// The one record whose changes are undone; nil for every record that the run changed.
    package let record: String?
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
    /// Throws a usage error where it is unknown, still under way, an undo itself, or only watched; with a record, also
    /// where it isn't known to have changed that record.
    package static func find(
        _ run: String, record: String? = nil, _ store: Store, cleanups: [Cleanup], streams: Configuration.Streams
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
        let undo = Undo(
            run: run, record: record, cleanup: cleanup, changed: max(0, entry["changed"].flatMap { Int($0) } ?? 0),
            began: Timestamp(milliseconds: began) - slack, ended: Timestamp(milliseconds: ended) + slack,
            streams: streams)
        guard let record else { return undo }
        let changes = try await undo.changes(store)
        guard changes > 0 else {
            throw CurfewError(
                .usage,
                "there is no change of “\(record)” by \(run) in the events, which are kept for \(streams.events.text)")
        }
        return Undo(
            run: run, record: record, cleanup: cleanup, changed: changes, began: undo.began, ended: undo.ended,
            streams: streams)
    }

    /// Whether an event is one of the changes that are undone.
    func includes(_ entry: StreamEntry) -> Bool {
        guard entry["run"] == run, let subject = entry["record"], !subject.isEmpty else { return false }
        return entry["action"] != Change.errorAction && (record.map { $0 == subject } ?? true)
    }

    /// How many changes are known.
    private func changes(_ store: Store) async throws(CurfewError) -> Int {
        let history = History(redis: store.redis)
        var count = 0
        var before: String? = "\(ended.milliseconds)-0"
        while let end = before {
            let page = try await history.page(
                of: store.keys.events, StreamPage.most, before: end, from: String(max(0, began.milliseconds)),
                where: includes)
            count += page.entries.count
            before = page.next
        }
        return count
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

    /// What is undone, for the event of the undo.
    var subject: String { record.map { "of \(run), record \($0)" } ?? "of \(run)" }

    /// Why the events of the run can't all be found.
    func remark(missing: Int) -> String {
        "\(missing) of the \(changed) changes of \(run) are no longer in the events, which are kept for "
            + "\(streams.events.text) and up to about \(streams.length) of them"
    }
}

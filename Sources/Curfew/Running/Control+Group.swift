internal import RedisClient

extension Control {
    /// Asks a group of runs to stop after the current page of its current run, on whichever instance it runs.
    ///
    /// Returns nil if there is no group of that id, or none any more.
    package func cancel(group id: String) async throws(CurfewError) -> Answer? {
        guard let group = try await GroupState.read(id, engine) else { return nil }
        guard group.status == .running else {
            return Answer(isDone: false, message: "the job \(id) is not running: it is \(group.status.rawValue)")
        }
        let key = engine.keys.group(id)
        // Guarded: if it ends in the meantime, it must not look like a cancelled one.
        var change = PlainChange(member: id)
        change.checks.append(
            .init(
                check: .equals, key: key, field: "status", value: GroupState.Status.running.rawValue, complaint: ""))
        change.write("HSET", .own(key), [.constant("cancel"), .value(person)])
        guard try await engine.functions.note(change, engine.keys) == .made else {
            return Answer(isDone: false, message: "the job \(id) has just ended")
        }
        await Operations(engine: engine).record(
            OperatorAction("cancel", by: person, cleanup: group.cleanup, detail: "the job \(id)"),
            at: try await engine.serverClock().now)
        return Answer(isDone: true, message: "the job \(id) was asked to stop; the next run continues")
    }
}

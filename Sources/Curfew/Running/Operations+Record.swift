internal import Logging
internal import Policies
internal import RedisClient

extension Operations {
    /// Records an operator's action in the events after it is done.
    ///
    /// If the record can't be written, that is logged; the action remains done.
    ///
    /// - Parameter run: the run that it concerns, if any.
    func record(_ action: OperatorAction, run: String = "", at now: Timestamp) async {
        let event = action.event(run: run, at: String(now.milliseconds))
        do {
            _ = try await engine.redis.send(engine.journal.command(event))
        } catch {
            engine.logger.warning(
                "an operator's action was not recorded",
                metadata: ["action": "\(action.action)", "by": "\(action.by)", "error": "\(error)"])
        }
    }
}

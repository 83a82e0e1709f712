internal import Logging
internal import Policies
internal import RedisClient

extension Operations {
    /// Notes in the events who did what, after it is done: a note that can't be written is logged, and undoes nothing.
    ///
    /// - Parameter run: the run that it is about, where there is one.
    func record(_ action: OperatorAction, run: String = "", at now: Timestamp) async {
        let event = action.event(run: run, at: String(now.milliseconds))
        do {
            _ = try await engine.redis.send(engine.journal.command(event))
        } catch {
            engine.logger.warning(
                "what was done could not be noted",
                metadata: ["action": "\(action.action)", "by": "\(action.by)", "error": "\(error)"])
        }
    }
}

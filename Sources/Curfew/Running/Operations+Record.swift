internal import Logging
internal import Policies
internal import RedisClient

extension Operations {
    /// Notes in the events who did what, after it is done: a note that can't be written is logged, and undoes nothing.
    ///
    /// - Parameter run: the run that it is about, where there is one.
    func record(_ action: OperatorAction, run: String = "", at now: Timestamp) async {
        let fields = [("run", run)] + action.eventFields + [("at_ms", String(now.milliseconds))]
        let head = [engine.keys.events, "MAXLEN", "~", String(engine.configuration.streams.length), "*"]
        do {
            _ = try await engine.redis.send(RedisCommand("XADD", head + fields.flatMap { [$0.0, $0.1] }))
        } catch {
            engine.logger.warning(
                "what was done could not be noted",
                metadata: ["action": "\(action.action)", "by": "\(action.by)", "error": "\(error)"])
        }
    }
}

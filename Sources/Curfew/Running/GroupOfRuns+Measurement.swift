internal import Logging
internal import Policies
internal import RedisClient

/// The measurement of a group of runs.
extension GroupOfRuns {
    /// Records the end of a group in the metrics stream.
    ///
    /// If it can't be written, that is logged; the runs have their own measurements.
    ///
    /// - Parameters:
    /// - type: the name that was asked for, in words of `routes`; empty for a list of cleanups.
    /// - trigger: what started it.
    package func measure(_ engine: Engine, type: String, trigger: String, duration: Duration) async {
        let fields = [
            "kind", "group", "type", type, "trigger", trigger, "status", status.rawValue,
            "runs", String(results.count), "duration_ms", String(duration.milliseconds),
        ]
        let words = ["MAXLEN", "~", String(engine.configuration.streams.length), "*"]
        do {
            _ = try await engine.redis.reply(to: RedisCommand("XADD", [engine.keys.metrics] + words + fields))
        } catch {
            engine.logger.warning(
                "the end of a group of runs was not recorded", metadata: ["type": "\(type)", "error": "\(error)"])
        }
    }
}

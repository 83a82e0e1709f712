internal import Logging
internal import Policies
internal import RedisClient

extension Operations {
    /// Something that a person, or a program in its place, had Curfew do.
    ///
    /// Its event names no record, and is therefore none that an undo could put back.
    struct Deed: Sendable {
        /// What was done: `run`, `undo`, `pause`, `resume`, `cancel`.
        let action: String
        /// Who did it.
        let by: String
        /// The cleanup.
        let cleanup: String
        /// What else is to be said of it.
        let detail: String

        init(_ action: String, by: String, cleanup: String, detail: String = "") {
            self.action = action
            self.by = by
            self.cleanup = cleanup
            self.detail = detail
        }

        /// The fields of its event, without the run at the beginning and the time at the end.
        var eventFields: [(String, String)] {
            let reason = "\(action) by \(by)" + (detail.isEmpty ? "" : ": \(detail)")
            return [
                ("cleanup", cleanup), ("record", ""), ("key", ""), ("action", action), ("from", ""), ("to", ""),
                ("reason", reason), ("type", ""), ("tokens", "0"), ("bytes", "0"), ("before", "{}"),
            ]
        }
    }

    /// Notes in the events who did what, after it is done: a note that can't be written is logged, and undoes nothing.
    ///
    /// - Parameter run: the run that it is about, where there is one.
    func record(_ deed: Deed, run: String = "", at now: Timestamp) async {
        let fields = [("run", run)] + deed.eventFields + [("at_ms", String(now.milliseconds))]
        let head = [engine.keys.events, "MAXLEN", "~", String(engine.configuration.streams.length), "*"]
        do {
            _ = try await engine.redis.send(RedisCommand("XADD", head + fields.flatMap { [$0.0, $0.1] }))
        } catch {
            engine.logger.warning(
                "what was done could not be noted",
                metadata: ["action": "\(deed.action)", "by": "\(deed.by)", "error": "\(error)"])
        }
    }

    /// One alert that fires now.
    package struct Firing: Sendable, Codable, Equatable {
        /// The alert and the cleanup it fires for.
        package var alert: String, cleanup: String
        /// How much it matters, and what it compares.
        package var severity: String, metric: String, threshold: String
        /// The value that crossed the threshold.
        package var value: String
        /// Since when it fires: Unix milliseconds.
        package var sinceMs: Int64
    }

    /// What fires now, by the alerts of the configuration and the guards of its cleanups.
    package func firing() async throws(CurfewError) -> [Firing] {
        let configuration = engine.configuration
        let guards = configuration.cleanups.filter(\.mayBeRefused).map {
            AlertDefinition.ofGuard(on: $0.name)
        }
        var names: [String] = []
        for alert in configuration.alerts + guards where !names.contains(alert.name) { names.append(alert.name) }
        if !names.contains(ClockStep.alert) { names.append(ClockStep.alert) }
        let replies = try await engine.redis.replies(
            to: names.map { RedisCommand("HGETALL", [engine.keys.alert($0)], isIdempotent: true) })
        return zip(names, replies).flatMap { name, reply in
            let state = reply.texts
            return state.filter { $0.key.hasPrefix("state:") && $0.value == AlertState.firing }.keys.sorted().map {
                key in
                let cleanup = String(key.dropFirst("state:".count))
                return Firing(
                    alert: name, cleanup: cleanup, severity: state["severity"] ?? "", metric: state["metric"] ?? "",
                    threshold: state["threshold"] ?? "", value: state["value:" + cleanup] ?? "",
                    sinceMs: Int64(state["since_ms:" + cleanup] ?? "") ?? 0)
            }
        }
    }
}

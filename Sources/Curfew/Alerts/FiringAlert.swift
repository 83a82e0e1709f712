internal import Policies
internal import RedisClient

/// One alert that fires now.
package struct FiringAlert: Sendable, Codable, Equatable {
    /// The alert and the cleanup it fires for.
    package var alert: String, cleanup: String
    /// How much it matters, and what it compares.
    package var severity: String, metric: String, threshold: String
    /// The value that crossed the threshold.
    package var value: String
    /// Since when it fires: Unix milliseconds.
    package var sinceMs: Int64

    /// What fires now, by the alerts of the configuration and the guards of its cleanups.
    static func all(
        _ store: Store, alerts: [AlertDefinition], cleanups: [Cleanup]
    ) async throws(CurfewError) -> [FiringAlert] {
        let guards = cleanups.filter(\.mayBeRefused).map {
            AlertDefinition.ofGuard(on: $0.name)
        }
        var names: [String] = []
        for alert in alerts + guards where !names.contains(alert.name) { names.append(alert.name) }
        if !names.contains(ClockStep.alert) { names.append(ClockStep.alert) }
        let replies = try await store.redis.replies(
            to: names.map { RedisCommand("HGETALL", [store.keys.alert($0)]) })
        return zip(names, replies).flatMap { name, reply in
            let state = reply.texts
            return state.filter { $0.key.hasPrefix("state:") && $0.value == AlertState.firing }.keys.sorted().map {
                key in
                let cleanup = String(key.dropFirst("state:".count))
                return FiringAlert(
                    alert: name, cleanup: cleanup, severity: state["severity"] ?? "", metric: state["metric"] ?? "",
                    threshold: state["threshold"] ?? "", value: state["value:" + cleanup] ?? "",
                    sinceMs: Int64(state["since_ms:" + cleanup] ?? "") ?? 0)
            }
        }
    }
}

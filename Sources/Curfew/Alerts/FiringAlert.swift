internal import Policies
internal import RedisClient

/// An alert that is firing.
package struct FiringAlert: Sendable, Codable, Equatable {
    /// The alert and its cleanup.
    package var alert: String, cleanup: String
    /// Its severity, metric and threshold.
    package var severity: String, metric: String, threshold: String
    /// The value that crossed the threshold.
    package var value: String
    /// Since when it is firing: Unix milliseconds.
    package var sinceMs: Int64

    /// All firing alerts: those of the configuration and those of guards.
    static func all(
        _ store: Store, alerts: [AlertDefinition], cleanups: [Cleanup]
    ) async throws(CurfewError) -> [FiringAlert] {
        let guards = cleanups.filter(\.mayBeRefused).map {
            AlertDefinition.ofGuard(on: $0.name)
        }
        var known: Set<String> = []
        let names = ((alerts + guards).map(\.name) + [ClockStep.alert]).filter { known.insert($0).inserted }
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

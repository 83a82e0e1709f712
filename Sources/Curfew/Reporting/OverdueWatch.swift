internal import Policies
internal import RedisClient

/// Fires the `overdue` alerts from whatever any living instance sees with its ticks, for all cleanups.
///
/// It sends nothing while what it sees stays the same. Every instance sees the same and sends the same, and the guards of
/// the alerts let one of them through.
struct OverdueWatch {
    let engine: Engine
    private var firing: Set<String>?

    init(engine: Engine) {
        self.engine = engine
    }

    /// Compares one answer with the alerts.
    mutating func look(at answer: TickAnswer) async throws {
        let definitions = engine.configuration.alerts.filter { $0.metric == .overdue }
        guard !definitions.isEmpty else { return }
        let names = Set(answer.overdue.keys).union(engine.configuration.cleanups.map(\.name))
        var crossed: [String: Alerts.Transition] = [:]
        var others: [String: (AlertDefinition, String, Double)] = [:]
        for definition in definitions {
            for name in names where definition.watches(name) {
                let value = Double(answer.overdue[name]?.milliseconds ?? 0)
                let key = definition.name + " " + name
                if definition.isCrossed(by: value) {
                    crossed[key] = .crossed(
                        definition, cleanup: name, value: value, isFiring: true, since: nil, run: "")
                } else {
                    others[key] = (definition, name, value)
                }
            }
        }
        // The first look doesn't know what others have left firing, so it asks for everything to be resolved that isn't
        // crossed; the guards see to it that nothing is resolved that did not fire.
        var transitions = crossed.filter { firing?.contains($0.key) != true }.map(\.value)
        let ended = others.filter { firing?.contains($0.key) ?? true }.map(\.value)
        transitions += try await resolutions(ended)
        try await Alerts(engine: engine).publish(transitions, now: answer.clock.now)
        firing = Set(crossed.keys)
    }

    /// The ends of alerts that do fire, with the time since when.
    private func resolutions(_ ended: [(AlertDefinition, String, Double)]) async throws -> [Alerts.Transition] {
        guard !ended.isEmpty else { return [] }
        let known = try await engine.redis.pipeline(
            ended.map { alert, name, _ in
                RedisCommand("HMGET", [engine.keys.alert(alert.name), "state:" + name, "since_ms:" + name])
            })
        return zip(ended, known).compactMap { item, state in
            guard state.count == 2, state[0].string == AlertState.firing else { return nil }
            let since = state[1].integer.map { Timestamp(milliseconds: $0) }
            return .crossed(item.0, cleanup: item.1, value: item.2, isFiring: false, since: since, run: "")
        }
    }
}

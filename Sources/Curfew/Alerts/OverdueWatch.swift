internal import Policies
internal import RedisClient

/// Fires the `overdue` alerts of all cleanups from the ticks of any living instance.
///
/// It sends nothing as long as nothing changes. All instances see and send the same, and the guards of the alerts let
/// one of them through.
struct OverdueWatch {
    let alerts: Alerts
    /// How long it waits before it asks again for the cleanups that owe a run.
    let heartbeat: Duration
    /// The firing alerts as far as this instance knows; nil until it has read those of other instances.
    private var firing: Set<Pair>?
    /// Since when each cleanup owes a run, and when that was read.
    private var owed: (since: [String: Timestamp], readAt: ContinuousClock.Instant)?

    /// An alert and a cleanup that it fires for; this instance may not know the cleanup.
    private struct Pair: Hashable {
        var alert: String
        var cleanup: String
    }

    init(_ alerts: Alerts, heartbeat: Duration) {
        self.alerts = alerts
        self.heartbeat = heartbeat
    }

    private var store: Store { alerts.store }

    /// Evaluates the alerts on the answer of a tick.
    mutating func look(at answer: TickAnswer) async throws {
        let definitions = alerts.configured.filter { $0.metric == .overdue }
        guard !definitions.isEmpty else { return }
        let known = if let firing { firing } else { try await leftFiring(definitions) }
        let values = try await values(answer)
        var crossed: Set<Pair> = []
        var transitions: [Alerts.Transition] = []
        var ended: [(AlertDefinition, String, Double)] = []
        for definition in definitions {
            let own = known.filter { $0.alert == definition.name }.map(\.cleanup)
            for name in Set(values.keys).union(own).sorted() {
                let pair = Pair(alert: definition.name, cleanup: name)
                let value = values[name] ?? 0
                if definition.watches(name), definition.isCrossed(by: value) {
                    crossed.insert(pair)
                    guard !known.contains(pair) else { continue }
                    transitions.append(
                        .crossed(definition, cleanup: name, value: value, isFiring: true, since: nil, run: ""))
                } else if known.contains(pair) {
                    ended.append((definition, name, value))
                }
            }
        }
        transitions += try await resolutions(ended)
        try await alerts.publish(transitions, now: answer.clock.now)
        firing = crossed
    }

    /// How long each cleanup is overdue, in milliseconds; 0 if it isn't, or if it is disabled.
    ///
    /// A failed cleanup is overdue since the first time it should have succeeded, whenever its next run is.
    private mutating func values(_ answer: TickAnswer) async throws -> [String: Double] {
        var values = answer.overdue.mapValues { Double($0.milliseconds) }
        for (cleanup, since) in try await owedSince() {
            values[cleanup] = max(values[cleanup] ?? 0, Double((answer.clock.now - since).milliseconds))
        }
        for cleanup in alerts.cleanups where !cleanup.isEnabled || values[cleanup.name] == nil {
            values[cleanup.name] = 0
        }
        return values
    }

    /// Since when unpaused cleanups owe a run; read once per heartbeat.
    private mutating func owedSince() async throws -> [String: Timestamp] {
        if let owed, owed.readAt.duration(to: .now) < heartbeat * 0.9 { return owed.since }
        let keys = store.keys
        let texts = try await store.redis.send(RedisCommand("HGETALL", [keys.owed])).pairs
        var since: [String: Timestamp] = [:]
        if !texts.isEmpty {
            let names = texts.map(\.0)
            let paused = try await store.redis.send(RedisCommand("HMGET", [keys.paused] + names))
            for (place, (name, text)) in texts.enumerated() where paused[place].isNull {
                since[name] = Owed(text: text)?.since
            }
        }
        owed = (since, .now)
        return since
    }

    /// The alerts that were published as firing and not yet as resolved.
    private func leftFiring(_ definitions: [AlertDefinition]) async throws -> Set<Pair> {
        let states = try await store.redis.pipeline(
            definitions.map { RedisCommand("HGETALL", [store.keys.alert($0.name)]) })
        var firing: Set<Pair> = []
        for (definition, state) in zip(definitions, states) {
            for (name, value) in state.pairs where name.hasPrefix("state:") && value == AlertState.firing {
                firing.insert(Pair(alert: definition.name, cleanup: String(name.dropFirst("state:".count))))
            }
        }
        return firing
    }

    /// The transitions that resolve firing alerts, with their starts.
    private func resolutions(_ ended: [(AlertDefinition, String, Double)]) async throws -> [Alerts.Transition] {
        guard !ended.isEmpty else { return [] }
        let known = try await store.redis.pipeline(
            ended.map { alert, name, _ in
                RedisCommand("HMGET", [store.keys.alert(alert.name), "state:" + name, "since_ms:" + name])
            })
        return zip(ended, known).compactMap { item, state in
            guard state.count == 2, state[0].string == AlertState.firing else { return nil }
            let since = state[1].integer.map { Timestamp(milliseconds: $0) }
            return .crossed(item.0, cleanup: item.1, value: item.2, isFiring: false, since: since, run: "")
        }
    }
}

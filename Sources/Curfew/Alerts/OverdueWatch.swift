internal import Policies
internal import RedisClient

/// Fires the `overdue` alerts from whatever any living instance sees with its ticks, for all cleanups.
///
/// It sends nothing while what it sees stays the same. Every instance sees the same and sends the same, and the guards of
/// the alerts let one of them through.
struct OverdueWatch {
    let alerts: Alerts
    /// How long the cleanups that owe a run aren't asked about again.
    let heartbeat: Duration
    /// What fires, as far as this instance knows; nil until it has looked for what others have left firing.
    private var firing: Set<Pair>?
    /// Since when the cleanups that owe a run do, and when that was read.
    private var owed: (since: [String: Timestamp], readAt: ContinuousClock.Instant)?

    /// An alert and a cleanup that it fires for; the cleanup may be one that this instance doesn't know.
    private struct Pair: Hashable {
        var alert: String
        var cleanup: String
    }

    init(_ alerts: Alerts, heartbeat: Duration) {
        self.alerts = alerts
        self.heartbeat = heartbeat
    }

    private var store: Store { alerts.store }

    /// Compares one answer with the alerts.
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

    /// By how much each cleanup is overdue, in milliseconds: 0 for one that isn't, or that is switched off.
    ///
    /// One that has failed is overdue since the first time at which it ought to have succeeded, whenever its next run is.
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

    /// Since when cleanups that nobody has paused owe a run: asked once in a heartbeat.
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

    /// What others have published as firing and nobody as resolved.
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

    /// The ends of alerts that do fire, with the time since when.
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

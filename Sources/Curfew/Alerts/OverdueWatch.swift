internal import Logging
internal import Policies
internal import RedisClient

/// Fires the `overdue` alerts of all cleanups from the ticks of any living instance.
///
/// Of the instances with the same configuration, and so the same alerts, one does it for all, as long as it lives: the
/// answer to each heartbeat says which. It sends nothing as long as nothing changes. The guards of the alerts let one
/// transition through, should two instances watch.
struct OverdueWatch {
    let alerts: Alerts
    /// How long it waits before it asks again for the cleanups that owe a run.
    let heartbeat: Duration
    /// The alerts on every cleanup, and those on one cleanup by its name.
    private let general: [AlertDefinition], own: [String: [AlertDefinition]]
    /// Whether some alert fires for what is *not* overdue: all cleanups must then be looked at.
    private let looksAtAll: Bool
    /// The firing alerts as far as this instance knows; nil until it has read those of other instances.
    private var firing: Set<Pair>?
    /// Whether the last answer left some out.
    private var isPartial = false
    /// Since when each cleanup owes a run, and when that was read.
    private var owed: (since: [String: Timestamp], readAt: ContinuousClock.Instant)?

    /// An alert and a cleanup that it fires for; this instance may not know the cleanup.
    private struct Pair: Hashable {
        var alert: String
        var cleanup: String
    }

    init(_ alerts: Alerts, heartbeat: Duration) {
        (self.alerts, self.heartbeat) = (alerts, heartbeat)
        let definitions = alerts.configured.filter { $0.metric == .overdue }
        general = definitions.filter { $0.cleanup == "*" }
        own = Dictionary(grouping: definitions.filter { $0.cleanup != "*" }, by: \.cleanup)
        looksAtAll = definitions.contains { $0.isCrossed(by: 0) }
    }

    private var store: Store { alerts.store }
    private var definitions: [AlertDefinition] { general + own.values.flatMap(\.self) }

    /// Evaluates the alerts on the answer of a tick.
    mutating func look(at answer: TickAnswer) async throws {
        guard let owing = answer.owing, !(general.isEmpty && own.isEmpty) else {
            // Another instance goes on from what is published, or there is nothing to look at.
            (firing, owed) = (nil, nil)
            return
        }
        let known = if let firing { firing } else { try await leftFiring() }
        let values = try await values(answer, owing)
        var crossed: Set<Pair> = []
        for (name, value) in values {
            for definition in general + (own[name] ?? []) where definition.isCrossed(by: value) {
                crossed.insert(Pair(alert: definition.name, cleanup: name))
            }
        }
        if answer.isPartial {
            // What isn't in the answer may be overdue all the same.
            crossed.formUnion(known)
            if !isPartial {
                store.logger.warning(
                    "more cleanups are overdue than are looked at: the alerts of some don't fire, and none is resolved",
                    metadata: ["seen": .stringConvertible(answer.overdue.count)])
            }
        }
        isPartial = answer.isPartial
        let transitions = try await transitions(from: known, to: crossed, values)
        try await alerts.publish(transitions, now: answer.clock.now)
        firing = crossed
    }

    /// What has begun to fire, and what no longer does.
    private func transitions(
        from known: Set<Pair>, to crossed: Set<Pair>, _ values: [String: Double]
    ) async throws -> [Alerts.Transition] {
        guard known != crossed else { return [] }
        let byName = Dictionary(definitions.map { ($0.name, $0) }) { first, _ in first }
        func changed(_ pairs: Set<Pair>) -> [(AlertDefinition, String, Double)] {
            pairs.sorted { ($0.alert, $0.cleanup) < ($1.alert, $1.cleanup) }.compactMap { pair in
                byName[pair.alert].map { ($0, pair.cleanup, values[pair.cleanup] ?? 0) }
            }
        }
        let began = changed(crossed.subtracting(known)).map { definition, name, value in
            Alerts.Transition.crossed(
                definition, cleanup: name, value: value, isFiring: true, since: nil, run: "")
        }
        return began + (try await resolutions(changed(known.subtracting(crossed))))
    }

    /// How long each cleanup is overdue, in milliseconds; 0 if it isn't, or if it is disabled.
    ///
    /// A failed cleanup is overdue since the first time it should have succeeded, whenever its next run is.
    private mutating func values(_ answer: TickAnswer, _ owing: Int) async throws -> [String: Double] {
        var values = answer.overdue.mapValues { Double($0.milliseconds) }
        for (cleanup, since) in owing == 0 ? [:] : try await owedSince() {
            values[cleanup] = max(values[cleanup] ?? 0, Double((answer.clock.now - since).milliseconds))
        }
        for cleanup in alerts.cleanups where !cleanup.isEnabled || (looksAtAll && values[cleanup.name] == nil) {
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
    private func leftFiring() async throws -> Set<Pair> {
        let definitions = definitions
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

extension Configuration {
    /// Whether it has alerts on what is overdue.
    var watchesOverdue: Bool { alerts.contains { $0.metric == .overdue } }

    /// Whether one instance does something for all.
    var hasWatch: Bool { watchesOverdue || telemetry != nil }
}

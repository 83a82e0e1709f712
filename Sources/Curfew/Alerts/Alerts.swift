internal import Logging
internal import Policies
internal import RedisClient

/// Publishes alerts: once when a threshold is crossed, and once when the alert resolves, whichever instances check.
///
/// Every transition is a commit that is guarded by the previous state: if two instances see the same, one writes the
/// state and the stream entry together, and the guard of the other fails.
struct Alerts: Sendable {
    let store: Store
    let configured: [AlertDefinition]
    let cleanups: [Cleanup]
    /// About how many entries their stream keeps.
    let streamLength: Int

    /// The alerts on runs of this cleanup.
    func definitions(for cleanup: String) -> [AlertDefinition] {
        configured.filter { $0.watches(cleanup) && $0.metric != .overdue }
    }

    /// Evaluates the alerts on a run.
    ///
    /// Their states were returned by the end of the run.
    func evaluate(
        _ measured: RunMeasurements, _ definitions: [AlertDefinition], states: [AlertState], now: Timestamp
    ) async throws {
        var transitions: [Transition] = []
        let values = try await values(measured, definitions, states, now: now)
        for ((definition, state), value) in zip(zip(definitions, states), values) {
            let isCrossed = definition.isCrossed(by: value) != state.isFiring
            if state.definition != definition.definitionText, isCrossed || !isImplicit(definition) {
                transitions.append(.published(definition))
            }
            guard isCrossed else { continue }
            transitions.append(
                .crossed(
                    definition, cleanup: measured.cleanup, value: value, isFiring: !state.isFiring,
                    since: state.since, run: measured.run))
        }
        try await publish(transitions, now: now)
    }

    /// Evaluates the alerts on lost runs when another run replaces one, since that run may be lost too.
    func noticeLost(_ run: String, of cleanup: String, now: Timestamp) async throws {
        let definitions = definitions(for: cleanup).filter { $0.metric == .runsLost }
        guard !definitions.isEmpty else { return }
        let words = ["definition", "state:" + cleanup, "since_ms:" + cleanup]
        let replies = try await store.redis.pipeline(
            definitions.map { RedisCommand("HMGET", [store.keys.alert($0.name)] + words) })
        let states = replies.map { reply in
            AlertState(
                definition: reply[0].string ?? "", isFiring: reply[1].string == AlertState.firing,
                since: reply[2].integer.map(Timestamp.init(milliseconds:)))
        }
        var lost = RunMeasurements(
            run: run, cleanup: cleanup, counters: RunCounters(), duration: .zero, lag: .zero, oldestOverdue: .zero,
            backlog: 0)
        lost.isLost = true
        try await evaluate(lost, definitions, states: states, now: now)
    }

    /// Whether it isn't configured: the alert on refusals of a cleanup without a guard, which is published only if it
    /// has changed its state.
    private func isImplicit(_ alert: AlertDefinition) -> Bool {
        guard alert == .ofGuard(on: alert.cleanup) else { return false }
        return cleanups.first { $0.name == alert.cleanup }?.guardLimits == nil
    }

    /// A change of an alert's state.
    enum Transition {
        /// The definition is new or has changed.
        case published(AlertDefinition)
        /// The threshold was crossed in either direction.
        case crossed(AlertDefinition, cleanup: String, value: Double, isFiring: Bool, since: Timestamp?, run: String)

        /// The alert that it is about.
        var alert: AlertDefinition {
            switch self {
            case .published(let alert), .crossed(let alert, _, _, _, _, _): alert
            }
        }
    }

    /// Publishes definitions that are new or have changed.
    func publishDefinitions(now: Timestamp) async throws {
        guard !configured.isEmpty else { return }
        let known = try await store.redis.pipeline(
            configured.map { RedisCommand("HGET", [store.keys.alert($0.name), "definition"]) })
        let changed = zip(configured, known).filter { $0.definitionText != $1.string }
        try await publish(changed.map { .published($0.0) }, now: now)
    }

    /// How many transitions one call commits: none may hold Redis for long.
    private static let mostAtOnce = 50

    /// Commits transitions, each guarded by the previous state.
    func publish(_ transitions: [Transition], now: Timestamp) async throws {
        for start in stride(from: 0, to: transitions.count, by: Self.mostAtOnce) {
            try await publish(part: Array(transitions[start...].prefix(Self.mostAtOnce)), now: now)
        }
    }

    private func publish(part transitions: [Transition], now: Timestamp) async throws {
        var call = CommitCall(
            lease: nil, index: store.keys.schedule, shared: [store.keys.schedule, store.keys.alerts])
        for transition in transitions { add(transition, to: &call, now: now) }
        let outcomes = try call.outcomes(of: try await store.functions.call(call.note()))
        for (transition, outcome) in zip(transitions, outcomes) {
            guard case .refused(let why) = outcome else { continue }
            store.logger.error(
                "an alert can't be published", metadata: ["alert": "\(transition.alert.name)", "error": "\(why)"])
        }
        for case (.crossed(let alert, let cleanup, let value, let isFiring, _, _), .made) in zip(transitions, outcomes)
        {
            store.logger.info(
                isFiring ? "alert is firing" : "alert resolved",
                metadata: ["alert": "\(alert.name)", "cleanup": "\(cleanup)", "value": "\(value)"])
        }
    }

    private func add(_ transition: Transition, to call: inout CommitCall, now: Timestamp) {
        switch transition {
        case .published(let alert):
            let fields = [
                ("definition", alert.definitionText), ("severity", alert.severity.rawValue),
                ("metric", alert.measure),
                ("op", alert.isAbove ? ">" : "<"), ("threshold", alert.thresholdText), ("cleanup", alert.cleanup),
            ]
            let text = "\(alert.name) watches \(alert.cleanup): \(alert.definitionText)"
            let entry = entry(alert, state: "threshold", cleanup: alert.cleanup, value: "", since: now, run: "", text)
            add(
                alert, (.differs, "definition", alert.definitionText), fields: fields, entry: entry, to: &call)
        case .crossed(let alert, let cleanup, let value, let isFiring, let since, let run):
            let state = isFiring ? AlertState.firing : AlertState.resolved
            let shown = AlertDefinition.text(value, of: alert.metric)
            // A person reads it: 50m730ms is 50m.
            let words =
                alert.metric.isTime && value.magnitude < 1e15
                ? Duration.milliseconds(Int64(value)).roughText : shown
            let fields = [
                ("state:" + cleanup, state), ("since_ms:" + cleanup, String(now.milliseconds)),
                ("value:" + cleanup, shown),
            ]
            let verb = isFiring ? "is" : "is no longer"
            let side = alert.isAbove ? "above" : "below"
            let text =
                alert == .ofGuard(on: cleanup)
                ? "\(cleanup): its guard \(isFiring ? "refused \(run)" : "no longer refuses its runs")"
                : "\(cleanup): \(alert.measure) \(words) \(verb) \(side) \(alert.thresholdText)"
            let begin = isFiring ? now : since ?? now
            let entry = entry(alert, state: state, cleanup: cleanup, value: shown, since: begin, run: run, text)
            add(
                alert, (isFiring ? .differs : .equals, "state:" + cleanup, AlertState.firing), fields: fields,
                entry: entry,
                to: &call)
        }
    }

    private func entry(
        _ alert: AlertDefinition, state: String, cleanup: String, value: String, since: Timestamp, run: String,
        _ message: String
    ) -> [(String, String)] {
        [
            ("alert", alert.name), ("state", state), ("severity", alert.severity.rawValue), ("cleanup", cleanup),
            ("metric", alert.measure), ("op", alert.isAbove ? ">" : "<"), ("threshold", alert.thresholdText),
            ("value", value), ("since_ms", String(since.milliseconds)), ("run", run), ("message", message),
        ]
    }

    /// Adds the guard, the alert's hash and the stream entry of a transition.
    private func add(
        _ alert: AlertDefinition, _ check: (Statement.Guard.Check, field: String, value: String),
        fields: [(String, String)], entry: [(String, String)], to call: inout CommitCall
    ) {
        func append(_ sink: inout some CommitSink) {
            let own = sink.key(store.keys.alert(alert.name))
            sink.check(check.0, own, field: .constant(check.field), value: .own(sink.value(check.value)))
            sink.begin("HSET", own)
            for word in fields.flatMap({ [$0.0, $0.1] }) { sink.constant(word) }
            sink.begin("XADD", .shared(.events))
            let head = ["MAXLEN", "~", String(streamLength), "*"]
            for word in head + entry.flatMap({ [$0.0, $0.1] }) { sink.constant(word) }
        }
        var sink = StatementSink(index: .none)
        append(&sink)
        _ = call.append(.new(sink.statement), member: alert.name) { append(&$0) }
    }

    /// The values that the alerts compare: those of this run, or the sums over the alerts' windows, this run included.
    ///
    /// The windows are read only if they can matter: a run that adds nothing can't make a sum exceed its threshold.
    private func values(
        _ measured: RunMeasurements, _ definitions: [AlertDefinition], _ states: [AlertState], now: Timestamp
    ) async throws -> [Double] {
        var values = definitions.map { measured.value(of: $0) }
        let places = values.indices.filter { definitions[$0].over != nil }
        guard !places.isEmpty else { return values }
        let wanted = places.filter { place in
            place < states.count
                && !(definitions[place].isAbove && values[place] == 0 && !states[place].isFiring)
        }
        let window = AlertWindow(
            store: store, cleanup: measured.cleanup, definitions: places.map { definitions[$0] })
        let sums = try await window.add(measured, sumsOf: wanted.map { definitions[$0] }, now: now)
        for (place, sum) in zip(wanted, sums) { values[place] = sum }
        return values
    }
}

extension AlertDefinition {
    /// A value of this metric as it is published.
    static func text(_ value: Double, of metric: Metric) -> String {
        if metric.isTime, value.magnitude < 1e15 { return Duration.milliseconds(Int64(value)).text }
        if value == value.rounded(), value.magnitude < 1e15 { return String(Int64(value)) }
        return String(value)
    }
}

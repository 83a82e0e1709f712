internal import Logging
internal import Policies
internal import RedisClient

/// Reports steps of the clock of Redis: the alert `clock`, which needs no configuration.
///
/// Every instance sees the same step at its ticks. The first one records it, and the guards prevent duplicates.
struct ClockAlert: Sendable {
    let store: Store
    let cleanups: [Cleanup]
    /// About how many entries the stream of alerts keeps.
    let streamLength: Int

    private var key: String { store.keys.alert(ClockStep.alert) }

    /// The last step.
    static func read(from store: Store) async throws -> (step: ClockStep?, isFiring: Bool) {
        let words = ClockStep.fields + ["state:" + ClockStep.everything]
        let reply = try await store.redis.read("HMGET", store.keys.alert(ClockStep.alert), words)
        let isFiring = reply.count == words.count && reply[words.count - 1].string == AlertState.firing
        return (ClockStep(reply.elements.dropLast()), isFiring)
    }

    /// Records a step and fires the alert; a step back to the original time resolves it.
    ///
    /// - Parameter elapsed: how long ago this instance last saw the clock: a step recorded since then is the same one.
    func saw(_ step: Duration, at now: Timestamp, since elapsed: Duration) async throws {
        let (known, isFiring) = try await Self.read(from: store)
        if let known, isFiring {
            let age = now - known.seen
            let difference = known.step - step
            if age >= .zero - ClockStep.most, age <= elapsed + ClockStep.most, difference.isWithin(ClockStep.most) {
                return
            }
        }
        let total = step + (isFiring ? known?.total ?? .zero : .zero)
        let noted = ClockStep(step: step, total: total, seen: now)
        try await write(noted, isFiring: !total.isWithin(ClockStep.most), after: known, wasFiring: isFiring, now: now)
    }

    /// Resolves the alert once it has fired long enough.
    ///
    /// Returns false if it must continue.
    func resolve(at now: Timestamp) async throws -> Bool {
        let (known, isFiring) = try await Self.read(from: store)
        guard isFiring, let known else { return true }
        let longest =
            cleanups.filter { known.total > $0.clockTolerance }
            .map(\.clockMemory).max() ?? .zero
        guard now - known.seen >= max(ClockStep.shown, longest) else { return false }
        try await write(known, isFiring: false, after: known, wasFiring: true, now: now)
        return true
    }

    private func write(
        _ step: ClockStep, isFiring: Bool, after known: ClockStep?, wasFiring: Bool, now: Timestamp
    ) async throws {
        guard isFiring || wasFiring else { return }
        let state = isFiring ? AlertState.firing : AlertState.resolved
        let direction = step.step > .zero ? "forward" : "back"
        let value = ClockStep.text(step.step)
        let message =
            isFiring
            ? "the clock of Redis stepped \(direction) by \(value) between two ticks: check it"
            : "the clock of Redis is steady again"
        var change = PlainChange(member: ClockStep.alert)
        let seen = known.map { String($0.seen.milliseconds) }
        change.checks = [
            seen.map { .init(check: .equals, key: key, field: "seen_ms", value: $0, complaint: "") }
                ?? .init(check: .absent, key: key, field: "seen_ms", complaint: ""),
            .init(
                check: wasFiring ? .equals : .differs, key: key, field: "state:" + ClockStep.everything,
                value: AlertState.firing, complaint: ""),
        ]
        let limit = ClockStep.most.text
        let numbers = [step.step, step.total].map { String($0.milliseconds) } + [String(step.seen.milliseconds)]
        let fields =
            [
                ("definition", "step > \(limit)"), ("severity", "critical"), ("metric", "step"), ("op", ">"),
                ("threshold", limit), ("cleanup", ClockStep.everything), ("state:" + ClockStep.everything, state),
                ("since_ms:" + ClockStep.everything, String(now.milliseconds)),
                ("value:" + ClockStep.everything, value),
            ] + zip(ClockStep.fields, numbers)
        change.write("HSET", .own(key), fields.flatMap { [.constant($0.0), .value($0.1)] })
        let entry = [
            ("alert", ClockStep.alert), ("state", state), ("severity", "critical"), ("cleanup", ClockStep.everything),
            ("metric", "step"), ("op", ">"), ("threshold", limit), ("value", value),
            ("since_ms", String(now.milliseconds)), ("run", ""), ("message", message),
        ]
        let head = ["MAXLEN", "~", String(streamLength), "*"]
        change.write(
            "XADD", .own(store.keys.alerts),
            head.map { .constant($0) } + entry.flatMap { [.constant($0.0), .value($0.1)] })
        guard try await store.functions.note(change, store.keys) == .made else { return }
        store.logger.warning("\(message)", metadata: ["alert": "\(ClockStep.alert)", "state": "\(state)"])
    }
}

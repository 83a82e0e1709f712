internal import Foundation
internal import Policies
internal import RedisClient

extension Doctor {
    /// Compares the clock of Redis with that of this machine, and reports a recent step.
    ///
    /// Between instances the clocks don't matter: every time they share comes from Redis. But applications write the
    /// times of records by their own clocks. This machine is one of theirs, or similar to one.
    func clock() async throws -> [Finding] {
        let start = ContinuousClock.now
        let server = try await store.serverClock().now
        let local = Date().timeIntervalSince1970 - (start.duration(to: .now) / .seconds(1)) / 2
        let difference = local - Double(server.milliseconds) / 1000
        let text = String(format: "%+.1f s", difference)
        let spread = try await spread()
        return [finding(off: difference, text, spread)] + (try await step())
    }

    private func finding(off difference: Double, _ text: String, _ spread: String) -> Finding {
        let judging = configuration.cleanups.filter { $0.isEnabled && !$0.policy.signs.isEmpty }
        if let strictest = judging.min(by: { $0.clockTolerance < $1.clockTolerance }),
            .milliseconds(Int64(abs(difference) * 1000)) > strictest.clockTolerance
        {
            return Finding(
                "clock", .warning,
                "the clock of this machine is \(text) off Redis, more than a tenth of the shortest timeout "
                    + "(\(strictest.policy.shortestTimeout.text) of \(strictest.name)): if the applications' clocks "
                    + "are off as well, live work looks stuck or stuck work looks alive\(spread)",
                advice: "synchronize the clocks (NTP) of Redis and of the applications that write records")
        }
        guard abs(difference) > 1 else {
            return Finding("clock", .ok, "the clocks of this machine and Redis agree (\(text))\(spread)")
        }
        return Finding(
            "clock", .ok,
            "the clock of this machine is \(text) off Redis, less than a tenth of the shortest timeout: Curfew "
                + "uses the time of Redis only\(spread)")
    }

    /// A step that instances have seen, as long as its alert is firing.
    private func step() async throws -> [Finding] {
        let (step, isFiring) = try await ClockAlert.read(from: store)
        guard isFiring, let step else { return [] }
        let by = ClockStep.text(step.total)
        let held = configuration.cleanups.filter {
            step.correction(for: $0, at: step.seen) < .zero
        }.map(\.name)
        let until =
            held.isEmpty ? "" : "; \(held.joined(separator: ", ")) use the previous time until their timeout has passed"
        return [
            Finding(
                "clock", .warning,
                "the clock of Redis stepped \(step.total < .zero ? "back" : "forward") by \(by) at "
                    + "\(step.seen.iso8601)\(until)",
                advice: "check the clocks: run date on the Redis server and on the machines that write records")
        ]
    }
}

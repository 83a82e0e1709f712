internal import Foundation
internal import Policies
internal import RedisClient

extension Doctor {
    /// How the clock of Redis compares with that of this machine, and whether it has lately stepped.
    ///
    /// Between instances it doesn't matter: every time they share is that of Redis. But ages of records are counted from
    /// times that applications write, by clocks of their own, of which that of this machine is one or is like one.
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
                "this machine is \(text) off Redis, more than a tenth of the shortest timeout "
                    + "(\(strictest.policy.shortestTimeout.text) of \(strictest.name)): if the applications' clocks are, "
                    + "live work looks stuck, or stuck work alive\(spread)",
                advice: "set the clocks (NTP) of Redis and of those who write records")
        }
        guard abs(difference) > 1 else {
            return Finding("clock", .ok, "this machine and Redis agree (\(text))\(spread)")
        }
        return Finding(
            "clock", .ok,
            "this machine is \(text) off Redis, less than a tenth of the shortest timeout: Curfew goes by the time of "
                + "Redis alone\(spread)")
    }

    /// A step that instances have seen, as long as its alert fires.
    private func step() async throws -> [Finding] {
        let (step, isFiring) = try await ClockAlert.read(from: store)
        guard isFiring, let step else { return [] }
        let by = ClockStep.text(step.total)
        let held = configuration.cleanups.filter {
            step.correction(for: $0, at: step.seen) < .zero
        }.map(\.name)
        let until =
            held.isEmpty ? "" : "; \(held.joined(separator: ", ")) go by the time from before, for their timeout"
        return [
            Finding(
                "clock", .warning,
                "the clock of Redis stepped \(step.total < .zero ? "back" : "forward") by \(by) at "
                    + "\(step.seen.iso8601)\(until)",
                advice: "see whether it is right: date on the server of Redis, and on those who write records")
        ]
    }
}

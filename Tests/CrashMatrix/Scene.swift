internal import Curfew
internal import Foundation
internal import Glibc
internal import RedisClient
internal import TestSupport

/// The instances of a case, and the moment at which the fault strikes.
///
///     all paused ─► instances ready ─► resumed ─► one held up at the step ─► fault ─► let go
struct Scene: Sendable {
    /// What happened.
    struct Struck: Sendable {
        /// The run that was in hand.
        let run: String
        let victim: Instance
        /// When the fault struck, by the server's clock, and when everything was there again.
        var at: Int64 = 0
        var back: Int64 = 0
        var violations: [String] = []
    }

    let of: Case
    let fixture: any Fixture
    let probe: Probe
    /// Who finishes jobs of its own, some of them right when the victim is held up.
    let application: Application
    let instances: [Instance]
    /// Where the victim is held up.
    let point: HeldPoint
    /// Where whoever takes over is held up, once this is armed.
    let successor: HeldPoint

    private var fault: Fault { of.combination.fault }
    private var lease: Int64 { of.settings.lease }

    /// Starts the instances while everything is paused, and waits until they are ready.
    static func open(_ of: Case, _ fixture: any Fixture, _ probe: Probe, _ work: Workload) async throws -> Scene {
        let sample = of.sample
        let application = Application(redis: probe.redis)
        let point = HeldPoint(
            of.combination.step.failPoint, of: sample.cleanup, arrival: sample.arrival, folder: of.folder)
        let successor = HeldPoint("afterClaim", of: sample.cleanup, arrival: 1, folder: "\(of.folder)/successor")
        try FileManager.default.createDirectory(atPath: "\(of.folder)/successor", withIntermediateDirectories: true)
        try successor.disarm()
        for cleanup in Workload.cleanups {
            _ = try await probe.send("HSET", probe.keys.paused, cleanup, "{}")
        }
        try await of.settings.defect?.load(probe)
        let points = ["CURFEW_FAIL_POINTS=\(point.text) \(successor.text)"]
        var instances: [Instance] = []
        for number in 0..<3 {
            var environment = points
            if of.combination.fault == .clock {
                // Only the one whose clock is off can be the victim.
                environment = []
                if number == 0 {
                    environment =
                        try await points
                        + ClockOffset.environment(
                            seconds: sample.clockOffset, folder: of.folder)
                }
            }
            instances.append(
                try Instance(
                    of: work, entrance: try await fixture.makeEntrance(), folder: of.folder, environment: environment))
        }
        for instance in instances { try await instance.worker.ready() }
        if of.combination.fault == .clock { for other in instances.dropFirst() { other.worker.freeze() } }
        return Scene(
            of: of, fixture: fixture, probe: probe, application: application, instances: instances, point: point,
            successor: successor)
    }

    /// Lets everything begin, waits until an instance is held up at the step, and strikes.
    func strike() async throws -> Struck {
        _ = try await probe.send("DEL", probe.keys.paused)
        _ = try await probe.send("PUBLISH", probe.keys.wake, "go")
        let identifier = try await point.caught(within: of.settings.patience)
        guard let victim = instances.first(where: { $0.worker.identifier == identifier }) else {
            throw ChildProcessError("process \(identifier) is held up, and none of ours")
        }
        let run = try await probe.send("HGET", probe.keys.lease(of.sample.cleanup), "run").string ?? ""
        await application.run(Workload.racing.suffix(Workload.racing.count / 2))
        if of.combination.step == .commitUnanswered { try await loseAnswer(to: victim) }
        var struck = Struck(run: run, victim: victim)
        struck.at = try await probe.now()
        try await deed(&struck)
        if of.combination.step == .commitUnanswered { victim.entrance.proxy?.cut() }
        struck.back = try await probe.now()
        return struck
    }

    /// Lets the commit reach Redis, and its answer go astray.
    private func loseAnswer(to victim: Instance) async throws {
        guard let proxy = victim.entrance.proxy else { throw ChildProcessError("there is no proxy") }
        proxy.lookOut(for: "curfew_commit")
        proxy.loseAnswers()
        try point.release()
        try await eventually("a commit is on its way", every: .milliseconds(1)) { proxy.hasSeenIt }
        // What is answered after the commit shows that it is done.
        _ = try await probe.now()
    }

    private func deed(_ struck: inout Struck) async throws {
        let worker = struck.victim.worker
        switch fault {
        case .kill: await worker.crash()
        case .freeze: try await freeze(struck)
        case .terminate:
            worker.signal(SIGTERM)
            try point.release()
            struck.victim.entrance.proxy.map { if of.combination.step == .commitUnanswered { $0.cut() } }
            let code = await worker.wait(atMost: .seconds(10))
            if code != 0 { struck.violations.append("told to end, the instance ended with \(code) within 10 s") }
        case .restart:
            try await fixture.crash()
            try point.release()
            // An outage has a length and nothing else to wait for.
            if of.sample.isHard { try await Task.sleep(for: .milliseconds(lease + 500)) }
            try await fixture.revive()
        case .failover:
            if of.sample.isHard { try point.release() }
            try await fixture.failOver(asked: !of.sample.isHard)
            try point.release()
        case .migrate:
            if of.sample.isHard { try point.release() }
            let keys = [probe.keys.schedule, Workload.index(of.sample.cleanup)]
            let ids = Workload.going[of.sample.cleanup] ?? []
            try await fixture.moveSlots(of: keys + ids.prefix(8).map { Workload.key(of.sample.cleanup, $0) })
            try point.release()
        case .cut: try await cut(struck.victim)
        case .clock:
            // The others were not to come first.
            for other in instances.dropFirst() { other.worker.thaw() }
            try await probe.wait(until: struck.at + lease / 4)
            try point.release()
        }
    }

    /// Frozen until another has taken over; in the harder form the other is held up too before it writes, so that the
    /// late write of the one that wakes finds everything as it expects it, but for the fence.
    private func freeze(_ struck: Struck) async throws {
        let worker = struck.victim.worker
        worker.freeze()
        if of.sample.isHard { try successor.arm() }
        try await eventually("another instance takes over", within: of.settings.patience) {
            try await probe.entries(probe.keys.runs).contains { $0["run"] == struck.run && $0["status"] == "lost" }
        }
        if of.sample.isHard { _ = try await successor.caught(within: of.settings.patience) }
        try point.release()
        worker.thaw()
        guard of.sample.isHard else { return }
        try await probe.wait(until: try await probe.now() + lease / 4)
        try successor.release()
    }

    /// Cut, with the answers of a moment lost, or silent for longer than a lease.
    private func cut(_ victim: Instance) async throws {
        guard let proxy = victim.entrance.proxy else {
            try point.release()
            return try await fixture.cutConnections()
        }
        if of.sample.network > 0 {
            proxy.loseAnswers()
            try point.release()
            let length = of.sample.network == 1 ? lease / 4 : lease + 500
            try await probe.wait(until: try await probe.now() + length)
        }
        proxy.cut()
        try point.release()
    }

    /// Ends the instances in good order, and says which of them didn't.
    func close(_ struck: Struck) async throws -> [String] {
        var violations: [String] = []
        for instance in instances {
            let worker = instance.worker
            let isVictim = worker.identifier == struck.victim.worker.identifier
            if isVictim, fault == .kill || fault == .terminate { continue }
            guard worker.isRunning else {
                violations.append("instance \(worker.identifier) has ended by itself: \(worker.log.suffix(500))")
                continue
            }
            let code = await worker.terminate()
            if code != 0 { violations.append("instance \(worker.identifier) ended with \(code), expected 0") }
        }
        return violations
    }
}

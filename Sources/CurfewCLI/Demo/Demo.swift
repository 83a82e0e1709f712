internal import Curfew
internal import Foundation
internal import Policies
internal import RedisClient

/// The demo: a workload that is stuck in every way, and three instances, one of which is killed during a run.
///
/// Every phase waits for its condition, for at most ``patience``. A phase that doesn't succeed ends the demo with an
/// error.
struct Demo: Sendable {
    /// How many stuck jobs are added if a run ends before the instance is killed.
    static let moreStuck = 10_000
    /// How often the demo tries to kill an instance during a run.
    static let mostAttempts = 5
    /// Cleanups whose completion is read from their records.
    private static let probed: Set = ["stuck-jobs", "generation-locks", "file-locks"]
    /// The longest that any phase may take.
    static let patience = Duration.seconds(30)

    let engine: Engine
    let stage: DemoStage
    let instances: [DemoInstance]
    /// The private S3 server; nil if this machine has none.
    let store: EmbeddedStore?
    /// How fast it goes.
    let pace: DemoPace

    /// The run that was interrupted.
    struct Crash: Sendable {
        let run: String
        let victim: DemoInstance
        let at: Timestamp
    }

    /// Writes the workload and pauses what must wait: stuck-jobs until all instances are ready, since any of them may
    /// run it, and files until their objects are stored.
    static func prepare(_ engine: Engine, _ stage: DemoStage, _ pace: DemoPace) async throws -> DemoWorkload {
        let now = try await engine.serverClock().now
        var workload = DemoWorkload(loaded: now)
        try await workload.load(into: engine.redis)
        try await workload.addStuck(pace.stuck, to: engine.redis, now: now)
        let operations = Operations(engine: engine)
        try await operations.pause("stuck-jobs", by: "the demo", why: "until all instances are ready")
        if try engine.cleanup(named: "files").isEnabled {
            try await operations.pause("files", by: "the demo", why: "until their objects are stored")
        }
        stage.describe(workload)
        return workload
    }

    /// Runs the demo and checks its result.
    func run(_ workload: DemoWorkload) async throws -> DemoReport {
        var workload = workload
        try await waitForInstances()
        let crash = try await killHolder(&workload)
        stage.say("Its lease expires within \(pace.lease.text); then another instance continues.")
        try await storeFiles(workload)
        try await followOthers(workload)
        let preview = try await previewFiles()
        let page = await fetchDashboard(after: crash)
        let detour = try await overrideGuardAndUndo(workload)
        return try await DemoReport.make(self, workload, crash, preview, detour, page)
    }

    /// The demo's name for an instance id.
    func name(of instance: String) -> String {
        if instance == engine.instance.id { return "the demo" }
        return instances.first { instance.hasSuffix("-\($0.pid)") }?.name ?? instance
    }

    private func waitForInstances() async throws {
        stage.say("Three instances, each its own process: " + instances.map(\.label).joined(separator: ", "))
        let isThere = try await wait(every: .milliseconds(50)) {
            let count = try await engine.redis.send(RedisCommand("ZCARD", [engine.keys.instances])).integer ?? 0
            return count >= instances.count && instances.allSatisfy { $0.dashboard != nil }
        }
        guard isThere else {
            let logs = instances.map { "\($0.label):\n\($0.lastLines)" }.joined(separator: "\n")
            throw CurfewError(.unreachable, "the instances did not start\n\(logs)")
        }
        stage.say("The dashboard, served by each instance: " + instances.compactMap(\.dashboard).joined(separator: " "))
        stage.say("It needs no token and is open to every user of this machine: for demos only.", .dim)
        stage.say("All three are ready. stuck-jobs was paused and is resumed: one instance claims it.")
        _ = try await Operations(engine: engine).resume("stuck-jobs", by: "the demo")
    }

    /// Kills the instance that runs stuck-jobs, during the run.
    ///
    /// If a run ends too soon, another one follows with more records.
    private func killHolder(_ workload: inout DemoWorkload) async throws -> Crash {
        for attempt in 1...Self.mostAttempts {
            if let crash = try await catchOnce(workload) { return crash }
            guard attempt < Self.mostAttempts else { break }
            stage.say(
                "That run ended before its instance could be killed. \(Self.moreStuck.grouped) more jobs get stuck.")
            try await workload.addStuck(Self.moreStuck, to: engine.redis, now: try await engine.serverClock().now)
        }
        throw CurfewError(
            .damaged, "no instance could be killed during a run: this machine is too fast or too slow")
    }

    private func catchOnce(_ workload: DemoWorkload) async throws -> Crash? {
        let look = [
            RedisCommand("HMGET", [engine.keys.lease("stuck-jobs"), "run", "instance"]),
            RedisCommand("ZCARD", ["jobs:deadlines"]),
        ]
        let full = Int(try await engine.redis.pipeline(look)[1].integer ?? 0)
        var caught: Crash?
        _ = try await wait(every: .milliseconds(2)) {
            let replies = try await engine.redis.pipeline(look)
            let gone = full - Int(replies[1].integer ?? 0)
            guard gone * 5 >= full else { return false }
            guard let run = replies[0][0].string, let holder = replies[0][1].string,
                let victim = instances.first(where: { holder.hasSuffix("-\($0.pid)") })
            else { return true }
            victim.crash()
            let after = try await engine.redis.send(RedisCommand("HGET", [engine.keys.lease("stuck-jobs"), "run"]))
            stage.say("\(run) on \(victim.label), \(gone.grouped) of \(full.grouped) entries done: kill -9", .red)
            if after.string == run { caught = Crash(run: run, victim: victim, at: try await engine.serverClock().now) }
            return true
        }
        return caught
    }

    /// Shows what the other instances do until nothing is left.
    private func followOthers(_ workload: DemoWorkload) async throws {
        // The records of these cleanups don't show that they are done: the jobs include a malformed one, the locks are
        // seen twice.
        let names = engine.configuration.cleanups.filter { $0.isEnabled && !Self.probed.contains($0.name) }.map(\.name)
        var chronicle = DemoChronicle(demo: self)
        let total = workload.stuck + workload.finished
        let isDone = try await wait(every: .milliseconds(100)) {
            try await chronicle.reportNews()
            let replies = try await engine.redis.pipeline([
                RedisCommand("ZCARD", ["jobs:deadlines"]),
                RedisCommand("HMGET", [engine.keys.lease("stuck-jobs"), "run", "instance"]),
                RedisCommand("EXISTS", ["lock:file:stale-0", "lock:generation:stale-0"]),
            ])
            let left = Int(replies[0].integer ?? 0).bounded(minus: workload.remaining)
            let holder = replies[1][1].string.map { name(of: $0) } ?? "no instance"
            stage.meter(total - left, of: total, "stuck-jobs: \(max(0, left).grouped) left, lease: \(holder)")
            return left <= 0 && replies[1][0].isNull && replies[2].integer == 0 && names.allSatisfy(chronicle.hasEnded)
        }
        stage.clear()
        try await chronicle.reportNews()
        stage.say(isDone ? "Nothing is left to do." : "Time ran out before everything was done.", isDone ? nil : .red)
    }

    /// Checks a condition repeatedly, for at most ``patience``; returns whether it became true.
    private func wait(every pause: Duration, until isTrue: () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end {
            if try await isTrue() { return true }
            try await Task.sleep(for: pause)
        }
        return false
    }
}

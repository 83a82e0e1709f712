internal import Curfew
internal import Foundation
internal import Policies
internal import RedisClient

/// The story: a workload that is stuck in every way, three instances, one of them killed in the middle of a run.
///
/// Every phase waits for what it needs, never longer than ``patience``; what can't be shown ends the demo with an error.
struct Demo: Sendable {
    /// How many stuck jobs there are at first, and how many are added where a run was over before it was caught.
    static let firstStuck = 20_000, moreStuck = 10_000
    /// How often the holder is tried to be caught in the middle of a run.
    static let mostAttempts = 5
    /// Cleanups whose end is seen by looking at their records.
    private static let probed: Set = ["stuck-jobs", "generation-locks", "file-locks"]
    /// The longest that any phase may take.
    static let patience = Duration.seconds(30)

    let engine: Engine
    let stage: DemoStage
    let instances: [DemoInstance]
    /// Where the files' objects are; nil where this machine has no S3 server.
    let store: EmbeddedStore?

    /// The run that was cut short.
    struct Crash: Sendable {
        let run: String
        let victim: DemoInstance
        let at: Timestamp
    }

    /// Makes the workload, and pauses what is to wait: stuck-jobs for all instances, because any of them may be the one
    /// that takes it, and files for their objects.
    static func prepare(_ engine: Engine, _ stage: DemoStage) async throws -> DemoWorkload {
        let now = try await engine.serverClock().now
        var workload = DemoWorkload(loaded: now)
        try await workload.load(into: engine.redis)
        try await workload.addStuck(firstStuck, to: engine.redis, now: now)
        let operations = Operations(engine: engine)
        try await operations.pause("stuck-jobs", by: "the demo", why: "until all instances are there")
        if try engine.cleanup(named: "files").isEnabled {
            try await operations.pause("files", by: "the demo", why: "until their objects are there")
        }
        stage.tell(workload)
        return workload
    }

    /// Tells the story and checks how it ends.
    func run(_ workload: DemoWorkload) async throws -> DemoReport {
        var workload = workload
        try await waitForInstances()
        let crash = try await catchOne(&workload)
        stage.say("Its lease runs out in \(DemoConfiguration.lease.text) at most; then another instance goes on.")
        try await storeFiles(workload)
        try await watchTheRest(workload)
        let preview = try await previewFiles()
        let page = await lookAtDashboard(after: crash)
        let detour = try await overrideGuardAndUndo(workload)
        return try await DemoReport.make(self, workload, crash, preview, detour, page)
    }

    /// The story's name for an instance id.
    func name(of instance: String) -> String {
        if instance == engine.instance.id { return "the demo" }
        return instances.first { instance.hasSuffix("-\($0.pid)") }?.name ?? instance
    }

    private func waitForInstances() async throws {
        stage.say("Three instances, processes of their own: " + instances.map(\.label).joined(separator: ", "))
        let isThere = try await wait(every: .milliseconds(50)) {
            let count = try await engine.redis.send(RedisCommand("ZCARD", [engine.keys.instances])).integer ?? 0
            return count >= instances.count && instances.allSatisfy { $0.dashboard != nil }
        }
        guard isThere else {
            let logs = instances.map { "\($0.label):\n\($0.lastLines)" }.joined(separator: "\n")
            throw CurfewError(.unreachable, "the instances did not start\n\(logs)")
        }
        stage.say("The dashboard, the same on each: " + instances.compactMap(\.dashboard).joined(separator: " "))
        stage.say("It is open to everybody on this machine, without a token: for a demo, and for nothing else.", .dim)
        stage.say("All three are ready. stuck-jobs, paused until now, is resumed: one of them takes it.")
        _ = try await Operations(engine: engine).resume("stuck-jobs", by: "the demo")
    }

    /// Kills whoever runs stuck-jobs while it runs it.
    ///
    /// A run that was over too soon is followed by another, with more to do.
    private func catchOne(_ workload: inout DemoWorkload) async throws -> Crash {
        for attempt in 1...Self.mostAttempts {
            if let crash = try await catchOnce(workload) { return crash }
            guard attempt < Self.mostAttempts else { break }
            stage.say(
                "That run was over too soon for anybody to be caught. \(Self.moreStuck.grouped) more jobs get stuck.")
            try await workload.addStuck(Self.moreStuck, to: engine.redis, now: try await engine.serverClock().now)
        }
        throw CurfewError(
            .damaged, "no instance could be caught in the middle of a run: this machine is too fast, or too slow")
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

    /// Shows what the others do, until nothing is left to do.
    private func watchTheRest(_ workload: DemoWorkload) async throws {
        // What these leave is no sign of their end: the jobs have a malformed one, the locks are seen twice.
        let names = engine.configuration.cleanups.filter { $0.isEnabled && !Self.probed.contains($0.name) }.map(\.name)
        var chronicle = DemoChronicle(demo: self)
        let total = workload.stuck + workload.finished
        let isDone = try await wait(every: .milliseconds(100)) {
            try await chronicle.tellNews()
            let replies = try await engine.redis.pipeline([
                RedisCommand("ZCARD", ["jobs:deadlines"]),
                RedisCommand("HMGET", [engine.keys.lease("stuck-jobs"), "run", "instance"]),
                RedisCommand("EXISTS", ["lock:file:stale-0", "lock:generation:stale-0"]),
            ])
            let left = Int(replies[0].integer ?? 0).bounded(minus: workload.remaining)
            let holder = replies[1][1].string.map { name(of: $0) } ?? "nobody"
            stage.meter(total - left, of: total, "stuck-jobs: \(max(0, left).grouped) left, lease held by \(holder)")
            return left <= 0 && replies[1][0].isNull && replies[2].integer == 0 && names.allSatisfy(chronicle.hasEnded)
        }
        stage.clear()
        try await chronicle.tellNews()
        stage.say(isDone ? "Nothing is left to do." : "Not everything was done in time.", isDone ? nil : .red)
    }

    /// Asks again and again, until yes or for ``patience``; says which.
    private func wait(every pause: Duration, until isTrue: () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end {
            if try await isTrue() { return true }
            try await Task.sleep(for: pause)
        }
        return false
    }
}

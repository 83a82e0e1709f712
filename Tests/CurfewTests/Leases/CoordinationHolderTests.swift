import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("holders of a lease", .tags(.ownServer), .timeLimit(.minutes(4)))
struct CoordinationHolderTests {
    /// Both believe that the lease is theirs, because the older one was away when it ran out.
    ///
    ///     one                     two
    ///     claim (fence 1)
    ///     (frozen)                claim (fence 2), one is recorded as lost
    ///     renew, commit, finish: refused
    @Test("of two holders made by hand the older one's renewal, commit and end are refused")
    func twoHolders() async throws {
        try await withInstances { scene in
            let (one, two) = (try scene.engine("one"), try scene.engine("two"))
            let older = try await scene.claim(by: one).claim
            try await scene.schedule("jobs", in: .milliseconds(-1))
            let newer = try await scene.claim(by: two).claim
            #expect(newer.replaces == older.run)

            #expect(try await one.coordinator.renew(older, progress: .init()) == .lost)
            var words = CommitWords(fence: older.term)
            words.arguments.lease = LeaseTerm(key: scene.keys.lease("jobs"), term: older.term)
            try words.statement([], [.init(0, "SET", "done")])
            words.change(keys: ["text"], "a")
            let functions = FunctionsScene(redis: scene.redis, library: one.functions)
            #expect(try await words.send(to: functions) == #"["fenced", "2", "two"]"#)
            #expect(try await scene.send("EXISTS", "text").integer == 0)
            let ended = try await one.coordinator.finish(older, next: nil, runFields: [], metricFields: [], alerts: [])
            #expect(ended == nil)

            #expect(try await two.coordinator.renew(newer, progress: .init()) == .renewed(cancelledBy: nil))
            #expect(try await scene.stream(scene.keys.runs).map { $0["status"] } == ["lost"])
        }
    }

    /// Two primaries have given the same number: the old one, which is being replaced, to `one`, and its successor, which
    /// never heard of that, to another instance, or to `one` again.
    ///
    ///     one                     old primary             new primary             other
    ///     claim ────────────────► fence 1
    ///                                                     fence 1 ◄────────────── claim
    ///     renew, commit, finish ────────────────────────► refused
    @Test("of two leases with the same fence the one that was given elsewhere is refused", arguments: ["two", "one"])
    func sameFence(other: String) async throws {
        try await withInstances { scene in
            try await scene.stick(1...3)
            let one = try scene.engine("one")
            let (olderRun, older) = try await scene.claim(by: one)
            try await scene.send("DEL", scene.keys.schedule, scene.keys.lease("jobs"), scene.keys.fence)
            var now = older.acquired
            while now == older.acquired { now = try await ServerClock.read(from: scene.redis).now }
            let (newerRun, newer) = try await scene.claim(by: try scene.engine(other))
            #expect(newer.run == older.run && newer.term != older.term)

            #expect(try await one.coordinator.renew(older, progress: .init()) == .lost)
            let ended = try await one.coordinator.finish(older, next: nil, runFields: [], metricFields: [], alerts: [])
            #expect(ended == nil)
            let result = await olderRun.execute()
            #expect(result.status == .lost && result.cleanedUp == 0)
            #expect(result.error == "the lease is lost: fence 1 was refused, the current one is 1 (\(other))")
            #expect(try await scene.status(1) == "RUNNING")
            #expect(await newerRun.execute().cleanedUp == 3)
            #expect(try await scene.stream(scene.keys.runs).map { $0["status"] } == ["completed"])
        }
    }

    @Test("a run whose lease was taken changes no record and leaves history to the one that took it")
    func olderRun() async throws {
        try await withInstances { scene in
            try await scene.stick(1...3)
            let older = try await scene.claim(by: try scene.engine("one")).run
            try await scene.schedule("jobs", in: .milliseconds(-1))
            let newer = try await scene.claim(by: try scene.engine("two")).run
            let result = await older.execute()
            #expect(result.status == .lost)
            #expect(result.cleanedUp == 0)
            #expect(try await scene.status(1) == "RUNNING")
            #expect(await newer.execute().cleanedUp == 3)
            #expect(try await scene.status(1) == "FAILED")
            let runs = try await scene.stream(scene.keys.runs)
            #expect(runs.map { $0["status"] } == ["lost", "completed"])
            #expect(runs.map { $0["fence"] } == ["1", "2"])
            #expect(try await scene.stream(scene.keys.events).allSatisfy { $0["run"] == "jobs-2" })
        }
    }

    @Test("a lease without a run in it is renewed while there is progress, and lost without")
    func noProgress() async throws {
        try await withInstances("worker: {lease: 6s}\n" + CoordinationScene.jobs) { scene in
            let engine = try scene.engine("one")
            let (run, claim) = try await scene.claim(by: engine)
            let keeper = LeaseKeeper(
                coordinator: engine.coordinator, claim: claim, control: run.control, logger: quietLogger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await keeper.run() }
                try await eventually("a renewal") {
                    run.control.advance { $0.found += 1 }
                    let renewed = try await scene.send("HGET", scene.keys.lease("jobs"), "renewed_ms").integer ?? 0
                    return Timestamp(milliseconds: renewed) > claim.acquired
                }
                #expect(run.control.stopReason() == nil)
                // From here on nothing advances: the keeper gives up by itself.
                try await group.waitForAll()
            }
            #expect(run.control.stopReason() == .lost)
            let two = try scene.engine("two")
            try await eventually("the lease to run out") {
                if case .claimed(let taken) = try await scene.tick(two).outcome {
                    taken.replaces == claim.run
                } else {
                    false
                }
            }
        }
    }

    @Test("the keeper stops the run when its lease is another's")
    func refused() async throws {
        try await withInstances("worker: {lease: 900ms}\n" + CoordinationScene.jobs) { scene in
            let engine = try scene.engine("one")
            let (run, claim) = try await scene.claim(by: engine)
            try await scene.send("HSET", scene.keys.lease("jobs"), "fence", "2")
            await LeaseKeeper(
                coordinator: engine.coordinator, claim: claim, control: run.control, logger: quietLogger
            ).run()
            #expect(run.control.stopReason() == .lost)
        }
    }

    @Test("a run stops trusting its lease while Redis doesn't answer")
    func silentRedis() async throws {
        try await withInstances("worker: {lease: 900ms}\n" + CoordinationScene.jobs) { scene in
            let engine = try scene.engine("one")
            let (run, claim) = try await scene.claim(by: engine)
            let keeper = LeaseKeeper(
                coordinator: engine.coordinator, claim: claim, control: run.control, logger: quietLogger)
            scene.server.freeze()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await keeper.run() }
                group.addTask {
                    while run.control.stopReason() == nil { await Task.yield() }
                    scene.server.resume()
                }
            }
            #expect(run.control.stopReason() == .lost)
        }
    }

    @Test("a wish to cancel reaches the run with the next renewal, and names who wished it")
    func cancel() async throws {
        try await withInstances("worker: {lease: 6s}\n" + CoordinationScene.jobs) { scene in
            let engine = try scene.engine("one")
            let operations = Operations(engine: engine)
            #expect(try await operations.cancel("jobs", by: "ann") == nil)
            let (run, claim) = try await scene.claim(by: engine)
            #expect(try await operations.cancel("jobs", by: "ann") == "jobs-1")
            let keeper = LeaseKeeper(
                coordinator: engine.coordinator, claim: claim, control: run.control, logger: quietLogger)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await keeper.run() }
                group.addTask { while run.control.stopReason() == nil { await Task.yield() } }
                await group.next()
                group.cancelAll()
            }
            #expect(run.control.stopReason() == .cancelled(by: "ann"))
            let result = await run.execute()
            #expect(result.status == .cancelled)
            #expect(result.error == "cancelled by ann")
            // A cancelled run is not due again before its time.
            #expect(try await scene.send("EXISTS", scene.keys.lease("jobs")).integer == 0)
        }
    }

    @Test("a paused cleanup is claimed by nobody, until it is resumed")
    func pause() async throws {
        try await withInstances { scene in
            let engine = try scene.engine("one")
            let operations = Operations(engine: engine)
            try await operations.pause("jobs", by: "ann", why: #"moving "house""#)
            guard case .nothing = try await scene.tick(engine).outcome else { throw CurfewError(.held, "claimed") }
            let cleanup = try #require(engine.configuration.cleanup(named: "jobs"))
            let answer = try await engine.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
            guard case .paused(let text) = answer.outcome else { throw CurfewError(.held, "\(answer.outcome)") }
            let pause = CleanupPause(text: text)
            #expect(pause.by == "ann")
            #expect(pause.why == #"moving "house""#)
            #expect(try await operations.resume("jobs", by: "ada").isResumed)
            #expect(try await operations.resume("jobs", by: "ada").isDone == false)
            #expect(try await scene.claim(by: engine).claim.fence == "1")
        }
    }

    @Test("a scheduled run of a cleanup that only watches says so in its lease")
    func scheduledDryRun() async throws {
        let text = CoordinationScene.jobs.replacing("to: FAILED", with: "to: FAILED, dry-run: true")
        try await withInstances(text) { scene in
            let answer = try await scene.tick(try scene.engine("one"))
            guard case .claimed(let claim) = answer.outcome else { throw CurfewError(.held, "\(answer.outcome)") }
            #expect(claim.isDryRun)
            #expect(try await scene.send("HGET", scene.keys.lease("jobs"), "dry_run").string == "1")
        }
    }

    @Test("a late run is a misfire, the continuation of a run that died is not, however long that one ran")
    func misfire() async throws {
        let text = CoordinationScene.jobs.replacing("to: FAILED", with: "to: FAILED, misfire-grace: 1m")
        try await withInstances(text) { scene in
            let engine = try scene.engine("one")
            for (isContinued, expected) in [(false, RunResult.Status.misfired), (true, .completed)] {
                if isContinued {
                    _ = try await scene.claim(by: engine)
                    try await scene.send("HSET", scene.keys.lease("jobs"), "due_ms", "1000")
                    try await scene.schedule("jobs", in: .seconds(-1))
                } else {
                    try await scene.schedule("jobs", in: .seconds(-61))
                }
                let answer = try await scene.tick(engine)
                guard case .claimed(let claim) = answer.outcome else { throw CurfewError(.held, "\(answer.outcome)") }
                let cleanup = try #require(engine.configuration.cleanup(named: "jobs"))
                let result = await Run(engine: engine, cleanup: cleanup, claim: claim, clock: answer.clock).execute()
                #expect(result.status == expected)
            }
        }
    }

    @Test("an answer that is not curfew_tick's is an error, not a claim", .enabled(if: RedisServer.hasFunctions))
    func strangeAnswer() async throws {
        try await withInstances { scene in
            let strange = """
                #!lua name=\(FunctionLibrary.name)
                redis.register_function('\(RedisFunction.tick.name)', function() return {'claim', 'jobs'} end)
                """
            let engine = try scene.engine("one")
            // What was there before the first call would have been replaced.
            _ = try await scene.tick(engine)
            try await scene.send("FUNCTION", "LOAD", "REPLACE", strange)
            let error = try #require(await #expect(throws: CurfewError.self) { try await scene.tick(engine) })
            #expect(error.code == .damaged)
        }
    }
}

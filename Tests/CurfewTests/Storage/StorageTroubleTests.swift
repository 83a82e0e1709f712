import Policies
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What a sweep of files does when storage is in trouble, or when it is ended in the middle.
@Suite("storage: trouble", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(10)))
struct StorageTroubleTests {
    /// Files stay whole and claimed, the error names bucket and object, and the index shows them later.
    private func expectClaimed(_ scene: StorageScene, _ ids: [String], _ result: RunResult) async throws {
        #expect(result.cleanedUp == 0 && result.failed == ids.count)
        for id in ids {
            #expect(try await scene.record(id)["status"] == "deleting")
            #expect(
                result.errors.contains {
                    $0.id == id && $0.error.contains("objects/\(id)") && $0.error.contains("bucket ")
                })
            let score = try #require(try await scene.sweep.score(id, in: "files"))
            let now = try await scene.sweep.engine.serverClock().now
            #expect(score <= now.milliseconds, "due for the next run")
        }
        #expect(Set(try await scene.objects()) == Set(ids.map { "objects/\($0)" }))
        let events = try await scene.sweep.stream(scene.sweep.keys.events)
        #expect(events.allSatisfy { $0["action"] == "error" } && events.count == ids.count)
    }

    /// Lets the claims grow old and runs again, with storage in order.
    private func expectRecovery(_ scene: StorageScene, _ bucket: ObjectStorage, _ ids: [String]) async throws {
        var configuration = scene.sweep.engine.configuration
        configuration.storage = [bucket.configuration]
        let engine = Engine(configuration: configuration, redis: scene.sweep.redis, logger: scene.sweep.engine.logger)
        let healed = SweepScene(
            server: scene.sweep.server, redis: scene.sweep.redis, engine: engine, began: scene.sweep.began)
        let result = try await healed.run("files")
        #expect(result.status == .completed && result.cleanedUp == ids.count)
        #expect(try await scene.objects().isEmpty)
        #expect(try await scene.sweep.members("files").isEmpty)
    }

    @Test("storage that isn't there fails the run, and nothing is lost")
    func unreachable() async throws {
        let bucket = try await makeBucket()
        let endpoint = "http://127.0.0.1:\(try freePort())"
        try await withStorageScene(bucket, endpoint: endpoint) { scene in
            for id in ["a", "b"] { try await scene.orphan(id) }
            let result = try await scene.sweep.run("files")
            #expect(result.status == .failed)
            #expect(result.error?.contains("no connection") == true && result.error?.contains(endpoint) == true)
            try await expectClaimed(scene, ["a", "b"], result)
            try await expectRecovery(scene, bucket, ["a", "b"])
        }
    }

    @Test("a run that fails by storage leads to the exit code of what is unreachable")
    func exitCode() async throws {
        let bucket = try await makeBucket()
        try await withStorageScene(bucket, key: .init(id: "testaccess", secret: "wrong")) { scene in
            try await scene.orphan("a")
            let (claim, clock) = try await scene.sweep.claim(try scene.sweep.cleanup("files"))
            let run = Run(
                engine: scene.sweep.engine, cleanup: try scene.sweep.cleanup("files"), claim: claim, clock: clock)
            let result = await run.execute()
            #expect(result.status == .failed && run.control.failure?.code == .unreachable)
            #expect(result.error?.contains("SignatureDoesNotMatch") == true)
            #expect(result.error?.contains("wrong)") == false)
            try await expectClaimed(scene, ["a"], result)
        }
    }

    @Test("a bucket that isn't there, and a key that may not delete: everything stays")
    func refusals() async throws {
        let bucket = try await makeBucket()
        try await withStorageScene(bucket, bucketName: "\(bucket.configuration.bucket)-not") { scene in
            try await scene.orphan("a")
            let result = try await scene.sweep.run("files")
            #expect(result.status == .failed && result.error?.contains("NoSuchBucket") == true)
            try await expectClaimed(scene, ["a"], result)
        }
        let other = try await makeBucket()
        try await withStorageScene(other, key: .reader) { scene in
            for id in ["a", "b"] { try await scene.orphan(id) }
            let result = try await scene.sweep.run("files")
            #expect(result.errors.allSatisfy { $0.error.contains("AccessDenied") })
            try await expectClaimed(scene, ["a", "b"], result)
            try await expectRecovery(scene, other, ["a", "b"])
        }
    }

    @Test("one object that storage keeps is one record's error; the others go")
    func partial() async throws {
        let bucket = try await makeBucket()
        let denied = "<Error><Key>objects/b</Key><Code>AccessDenied</Code><Message>held</Message></Error>"
        let decision: ObjectGateway.Decision = { _, request, forward in
            var reply = try await forward()
            if request.isDeletion {
                reply.body = reply.body.replacing("<Deleted><Key>objects/b</Key></Deleted>", with: denied)
            }
            return .reply(reply)
        }
        try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text, decision: decision) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint) { scene in
                for id in ["a", "b", "c"] { try await scene.orphan(id) }
                let result = try await scene.sweep.run("files")
                #expect(result.status == .completedWithErrors && result.cleanedUp == 2 && result.failed == 1)
                #expect(
                    result.errors.first?.id == "b" && result.errors.first?.error.contains("AccessDenied: held") == true)
                #expect(try await scene.record("b")["status"] == "deleting")
                #expect(try await scene.exists("a") == false)
            }
        }
    }

    static let bad: [(String, ObjectGateway.Answer, tries: Int)] = [
        ("503 for ever", .reply(.init(503, "<Error><Code>SlowDown</Code></Error>", headers: ["retry-after": "0"])), 4),
        (
            "half an answer", .half(.init(200, "<DeleteResult><Deleted><Key>objects/a</Key></Deleted></DeleteResult>")),
            4
        ),
        ("not XML", .reply(.init(200, "<html><p>sign in</html>")), 1),
        ("nothing", .reply(.init(200, "")), 1),
        ("an answer about something else", .reply(.init(200, "<ListBucketResult/>")), 1),
    ]

    @Test("an answer that can't be believed deletes no record", arguments: bad.indices)
    func unbelievable(place: Int) async throws {
        let (name, answer, tries) = Self.bad[place]
        let bucket = try await makeBucket()
        let decision: ObjectGateway.Decision = { _, request, _ in
            request.method == "HEAD" ? .reply(.init(200)) : answer
        }
        try await ObjectGateway.withGateway(decision: decision) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint) { scene in
                try await scene.orphan("a")
                let result = try await scene.sweep.run("files")
                #expect(result.status == .failed, "\(name)")
                try await expectClaimed(scene, ["a"], result)
                #expect(gateway.deletions.count == tries, "\(name)")
                try await expectRecovery(scene, bucket, ["a"])
            }
        }
    }

    @Test("a server that is busy for a moment costs a moment")
    func busy() async throws {
        let bucket = try await makeBucket()
        let busy = ObjectGateway.Reply(503, "<Error><Code>SlowDown</Code></Error>", headers: ["retry-after": "0"])
        let decision: ObjectGateway.Decision = { number, _, forward in
            number < 4 ? .reply(busy) : .reply(try await forward())
        }
        try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text, decision: decision) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint) { scene in
                try await scene.orphan("a")
                #expect(try await scene.sweep.run("files").cleanedUp == 1)
                #expect(gateway.requests.count == 5 && gateway.deletions.count == 1)
                #expect(try await scene.objects().isEmpty)
            }
        }
    }

    /// What happens between claim and removal.
    ///
    ///     sweep                              another instance
    ///     claim
    ///     DeleteObjects: the objects go
    ///                                        takes the lease over
    ///     removal: refused by the fence
    ///                                        claims again; gone objects count as deleted; removal
    @Test("an instance that dies between objects and records leaves claimed records, which another finishes")
    func deadInBetween() async throws {
        let bucket = try await makeBucket()
        let lease = "{curfew}:lease:files"
        let takeOver = Mutex<(@Sendable () async throws -> Void)?>(nil)
        let decision: ObjectGateway.Decision = { _, request, forward in
            let reply = try await forward()
            if request.isDeletion { try await takeOver.withLock(\.self)?() }
            return .reply(reply)
        }
        try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text, decision: decision) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint) { scene in
                let sweep = scene.sweep
                for id in ["a", "b"] { try await scene.orphan(id) }
                takeOver.withLock { $0 = { _ = try await sweep.send("HSET", lease, "fence", "999") } }
                let result = try await sweep.run("files")
                #expect(result.status == .lost && result.cleanedUp == 0)
                #expect(try await scene.objects().isEmpty)
                for id in ["a", "b"] { #expect(try await scene.record(id)["status"] == "deleting") }
                try await scene.expectNothingLost()

                takeOver.withLock { $0 = nil }
                _ = try await sweep.send("DEL", lease)
                _ = try await sweep.send("ZADD", sweep.keys.schedule, "1", "files")
                try await expectRecovery(scene, bucket, ["a", "b"])
            }
        }
    }

    /// What happens between claim and removal.
    ///
    ///     sweep                              Redis
    ///     DeleteObjects: the objects go
    ///                                        drops every connection
    ///     removal: sent again
    @Test("a connection to Redis that is lost between objects and records is waited for")
    func redisLost() async throws {
        let bucket = try await makeBucket()
        let cut = Mutex<(@Sendable () async throws -> Void)?>(nil)
        let decision: ObjectGateway.Decision = { _, request, forward in
            let reply = try await forward()
            if request.isDeletion { try await cut.withLock(\.self)?() }
            return .reply(reply)
        }
        try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text, decision: decision) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint) { scene in
                let sweep = scene.sweep
                for number in 0..<100 { try await scene.orphan("\(number)") }
                cut.withLock { $0 = { try await killConnections(to: sweep.configuration) } }
                let result = try await sweep.run("files")
                #expect(result.status == .completed && result.cleanedUp == 100 && result.skipped == 0)
                #expect(try await sweep.stream(sweep.keys.events).count == 100)
                #expect(try await sweep.members("files").isEmpty)
            }
        }
    }

    @Test("a run that is cancelled before it asks storage leaves claims, and the next run goes on")
    func cancelled() async throws {
        let bucket = try await makeBucket()
        try await withStorageScene(bucket) { scene in
            try await scene.orphan("a")
            let cleanup = try scene.sweep.cleanup("files")
            let (claim, clock) = try await scene.sweep.claim(cleanup)
            let control = RunControl(trust: nil, timeout: .seconds(60))
            let sweep = Sweep(
                engine: scene.sweep.engine, cleanup: cleanup, claim: claim, control: control, clock: clock,
                options: .init(), scanned: nil)
            let judged = try await sweep.judge.judge([DueEntry(id: "a", score: 0, scoreText: "0")], at: clock.now)
            control.stop(.cancelled(by: "test"))
            var state = Sweep.State(size: PageSize(fixed: nil), committer: sweep.scope.committer)
            state.claimed = judged
            await #expect(throws: RunControl.Stop.cancelled(by: "test")) {
                try await sweep.deleteObjects(&state, all: true)
            }
            #expect(try await scene.objects() == ["objects/a"])
        }
    }
}

import Policies
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Objects that aren't there, addresses in the place of keys, several objects of a record, and objects with several users.
@Suite("storage: absent and shared objects", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(10)))
struct StorageAbsentTests {
    private func cleanup(_ object: String, _ others: String = "") -> String {
        StorageScene.cleanup.replacing("object: r2Key", with: "object: \(object)\(others)")
    }

    private func expectUntouched(_ scene: StorageScene, _ ids: [String]) async throws {
        for id in ids {
            #expect(try await scene.record(id)["status"] == "ready", "\(id)")
            let score = try #require(try await scene.sweep.score(id, in: "files"))
            #expect(score <= (try await scene.sweep.engine.serverClock().now).milliseconds, "due again")
        }
        #expect(try await scene.sweep.stream(scene.sweep.keys.events).allSatisfy { $0["action"] != "delete" })
    }

    @Test("an address in the place of a key is the record's error, and its object stays")
    func addresses() async throws {
        try await withStorageScene(try await makeBucket()) { scene in
            try await scene.bucket.put("uploads/a.png", [1])
            try await scene.orphan("url", object: "https://cdn.example/uploads/a.png", isStored: false)
            try await scene.orphan("uri", object: "s3://uploads/uploads/a.png", isStored: false)
            try await scene.orphan("good")
            let result = try await scene.sweep.run("files")
            #expect(result.status == .completedWithErrors && result.cleanedUp == 1 && result.failed == 2)
            #expect(result.errors.allSatisfy { $0.error.contains("expected the key of an object, found an address") })
            #expect(try await scene.objects() == ["uploads/a.png"])
            for id in ["url", "uri"] { #expect(try await scene.record(id)["status"] == "ready") }
        }
    }

    @Test("what strip takes away leads to the object")
    func stripped() async throws {
        let object = "{field: r2Key, strip: [\"https://cdn.example/\", \"s3://up/\"]}"
        try await withStorageScene(try await makeBucket(), cleanup: cleanup(object)) { scene in
            for key in ["a b.png", "c%20d.png", "stays"] { try await scene.bucket.put(key, [1]) }
            try await scene.orphan("url", object: "https://cdn.example/a%20b.png?v=2", isStored: false)
            try await scene.orphan("uri", object: "s3://up/c%20d.png", isStored: false)
            let result = try await scene.sweep.run("files")
            #expect(result.status == .completed && result.cleanedUp == 2 && result.absent == 0, "\(result)")
            #expect(try await scene.objects() == ["stays"])
        }
    }

    @Test("a run that finds not one object is refused: claims are taken back, records stay, the message names keys")
    func refused() async throws {
        try await withStorageScene(try await makeBucket()) { scene in
            try await scene.bucket.put("store/d.png", [1])
            for id in ["c", "d"] { try await scene.orphan(id, object: "\(id).png", isStored: false) }
            let before = try await scene.record("c")
            let result = try await scene.sweep.run("files")
            #expect(result.status == .refused && result.cleanedUp == 0 && result.totalFound == 2, "\(result)")
            #expect(result.absent == 2 && result.bytesFreed == 0)
            let error = try #require(result.error)
            let bucket = scene.bucket.configuration.bucket
            #expect(error.hasPrefix("none of 2 objects is in the bucket \(bucket): “"), "\(error)")
            #expect(error.contains("“c.png”") && error.contains("“d.png”") && error.contains("missing: drop"))
            try await expectUntouched(scene, ["c", "d"])
            #expect(try await scene.record("c") == before)
            let run = try #require(try await scene.sweep.stream(scene.sweep.keys.runs).last)
            #expect(run["status"] == "refused" && run["absent"] == "2")
            let metric = try #require(try await scene.sweep.stream(scene.sweep.keys.metrics).last)
            #expect(metric["absent"] == "2" && metric["refused"] == "1")
            #expect(try await scene.objects() == ["store/d.png"])
        }
    }

    @Test("with missing: drop, or somebody who says so, all may be gone; it is counted apart and frees nothing")
    func allowed() async throws {
        try await withStorageScene(try await makeBucket(), cleanup: cleanup("r2Key", "\n  missing: drop")) { scene in
            for id in ["a", "b"] { try await scene.orphan(id, isStored: false) }
            let result = try await scene.sweep.run("files")
            #expect(result.status == .completed && result.cleanedUp == 2 && result.absent == 2, "\(result)")
            #expect(result.bytesFreed == 0 && result.message.contains("2 objects absent"), "\(result.message)")
            #expect(try await scene.sweep.members("files").isEmpty)
        }
        try await withStorageScene(try await makeBucket()) { scene in
            for id in ["a", "b"] { try await scene.orphan(id, isStored: false) }
            let cleanup = try scene.sweep.cleanup("files")
            let (claim, clock) = try await scene.sweep.claim(cleanup)
            let run = Run(
                engine: scene.sweep.engine, cleanup: cleanup, claim: claim, clock: clock, overriddenBy: "ann")
            let result = await run.execute()
            #expect(result.status == .completed && result.cleanedUp == 2 && result.absent == 2, "\(result)")
            #expect(result.totalFound == 2)
            let events = try await scene.sweep.stream(scene.sweep.keys.events)
            #expect(events.first?["action"] == "override" && events.first?["reason"]?.contains("ann") == true)
        }
    }

    @Test("a page with one object among many that are gone goes through, and so does one that a dead run had claimed")
    func partly() async throws {
        try await withStorageScene(try await makeBucket()) { scene in
            for id in ["a", "b", "c"] { try await scene.orphan(id, isStored: id == "b") }
            let result = try await scene.sweep.run("files")
            #expect(result.status == .completed && result.cleanedUp == 3 && result.absent == 2)
            #expect(result.bytesFreed == 100)
            try await scene.orphan("d", isStored: false, fields: ["status": "deleting"])
            let next = try await scene.sweep.run("files")
            #expect(next.status == .completed && next.cleanedUp == 1 && next.absent == 0, "\(next)")
        }
    }

    @Test("a bucket that isn't there, and a server that won't say what is there, delete no record")
    func unseen() async throws {
        let bucket = try await makeBucket()
        let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        let decision: ObjectGateway.Decision = { _, request, forward in
            ["HEAD", "GET"].contains(request.method) ? .reply(.init(403, denied)) : .reply(try await forward())
        }
        try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text, decision: decision) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint) { scene in
                try await scene.orphan("a")
                let result = try await scene.sweep.run("files")
                #expect(result.status == .failed && gateway.deletions.isEmpty)
                #expect(result.error?.contains("s3:GetObject and s3:ListBucket") == true, "\(result)")
                #expect(try await scene.objects() == ["objects/a"])
            }
        }
    }

    @Test("one object that the server won't say anything about is its record's error; the others go")
    func oneUnseen() async throws {
        let bucket = try await makeBucket()
        let decision: ObjectGateway.Decision = { _, request, forward in
            let isHidden = request.method == "HEAD" && request.target.hasSuffix("/objects/a")
            return isHidden ? .reply(.init(403)) : .reply(try await forward())
        }
        try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text, decision: decision) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint) { scene in
                for id in ["a", "b"] { try await scene.orphan(id) }
                let result = try await scene.sweep.run("files")
                #expect(result.cleanedUp == 1 && result.errors.map(\.id) == ["a"], "\(result)")
                #expect(result.errors.first?.error.contains("object objects/a was not deleted") == true)
                #expect(try await scene.objects() == ["objects/a"])
            }
        }
    }

    @Test("all objects of a record go before it does, and one that storage keeps keeps the record")
    func several() async throws {
        let bucket = try await makeBucket()
        let isKept = Mutex(true)
        let denied = "<Error><Key>a-thumb</Key><Code>AccessDenied</Code></Error>"
        let decision: ObjectGateway.Decision = { _, request, forward in
            var reply = try await forward()
            if request.isDeletion, isKept.withLock(\.self) {
                reply.body = reply.body.replacing("<Deleted><Key>a-thumb</Key></Deleted>", with: denied)
            }
            return .reply(reply)
        }
        try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text, decision: decision) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint, cleanup: cleanup("[r2Key, thumb]")) {
                scene in
                for key in ["a-thumb", "b-thumb"] { try await bucket.put(key, [1]) }
                try await scene.orphan("a", fields: ["thumb": "a-thumb"])
                try await scene.orphan("b", fields: ["thumb": "b-thumb"])
                try await scene.orphan("c")
                let result = try await scene.sweep.run("files")
                #expect(result.cleanedUp == 2 && result.failed == 1, "\(result)")
                #expect(result.errors.first?.error.contains("object a-thumb was not deleted: AccessDenied") == true)
                #expect(try await scene.record("a")["status"] == "deleting")
                isKept.withLock { $0 = false }
                let next = try await scene.sweep.run("files")
                #expect(next.cleanedUp == 1 && next.absent == 0, "\(next)")
                #expect(try await scene.objects().isEmpty)
            }
        }
    }

    @Test("an object that others use stays, whatever counts them; with its last use it goes")
    func shared() async throws {
        let text = cleanup("r2Key", "\n  refs: refs:{file:<id>}")
        try await withStorageScene(try await makeBucket(), cleanup: text) { scene in
            let counts: [(id: String, command: [String])] = [
                ("number", ["SET", "2"]), ("set", ["SADD", "a", "b"]), ("list", ["RPUSH", "a", "b"]),
                ("zset", ["ZADD", "1", "a", "2", "b"]), ("hash", ["HSET", "a", "1", "b", "2"]),
            ]
            for (id, command) in counts {
                try await scene.orphan(id)
                try await scene.sweep.redis.pipeline([
                    RedisCommand(command[0], ["refs:{file:\(id)}"] + command.dropFirst())
                ])
            }
            try await scene.orphan("odd")
            _ = try await scene.sweep.send("SET", "refs:{file:odd}", "many")
            try await scene.orphan("last")
            _ = try await scene.sweep.send("SET", "refs:{file:last}", "1")
            try await scene.orphan("none")
            let result = try await scene.sweep.run("files")
            #expect(result.cleanedUp == 2 && result.errors.map(\.id) == ["odd"], "\(result)")
            #expect(result.errors.first?.error.contains("refs:{file:odd} is “many”: expected a whole number") == true)
            #expect(try await scene.objects().count == 6)
            for (id, _) in counts { #expect(try await scene.record(id)["status"] == "ready", "\(id)") }
            let statistics = try await Statistics.read(
                scene.sweep.engine, scene.sweep.cleanup("files"),
                control: RunControl(trust: nil, timeout: .seconds(60)))
            #expect(statistics.files?.orphanedCount == 0 && statistics.files?.unreadableCount == 1)
        }
    }

    /// What happens between claim and deletion.
    ///
    ///     sweep                          app
    ///     claim: status deleting
    ///                                    INCR refs: another record has the same content
    ///     counts again: the claim is taken back
    @Test("an object that gets another user while the sweep runs stays, and its record is as before")
    func sharedMeanwhile() async throws {
        let text = cleanup("r2Key", "\n  refs: blob:<r2Key>:refs")
        try await withStorageScene(try await makeBucket(), cleanup: text) { scene in
            try await scene.orphan("a")
            let cleanup = try scene.sweep.cleanup("files")
            let (claim, clock) = try await scene.sweep.claim(cleanup)
            let sweep = Sweep(
                engine: scene.sweep.engine, cleanup: cleanup, claim: claim,
                control: RunControl(trust: nil, timeout: .seconds(60)), clock: clock, options: .init(), scanned: nil)
            let entries = [DueEntry(id: "a", score: 0, scoreText: "0")]
            let judged = try await sweep.judge.judge(entries, at: clock.now)
            var state = Sweep.State(size: PageSize(fixed: nil), committer: sweep.scope.committer)
            // Somebody was quicker than the claim: nothing is claimed.
            _ = try await scene.sweep.send("SET", "blob:objects/a:refs", "2")
            _ = try await state.committer.commit(judged, rescores: true, repeats: true)
            #expect(try await scene.record("a")["status"] == "ready")

            _ = try await scene.sweep.send("SET", "blob:objects/a:refs", "1")
            _ = try await state.committer.commit(judged, rescores: true, repeats: true)
            #expect(try await scene.record("a")["status"] == "deleting")
            _ = try await scene.sweep.send("INCR", "blob:objects/a:refs")
            state.claimed = judged
            try await sweep.deleteObjects(&state, all: true)
            #expect(state.outcome.counters.changed == 0 && state.outcome.counters.skipped == 1)
            #expect(try await scene.objects() == ["objects/a"])
            #expect(try await scene.record("a")["status"] == "ready")
        }
    }
}

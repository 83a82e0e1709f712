import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

extension Sweep {
    /// Commits a page as a run does; what became of each record.
    fileprivate func committed(_ page: [Evaluation]) async throws -> [CommitResult] {
        try await scope.committer.commit(page, rescores: true, repeats: true)
    }
}

/// Sweeps of files with a real S3 server: what goes, what stays, and in which order.
@Suite("storage: files", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(10)))
struct StorageFilesTests {
    @Test("orphans and soft-deleted files go, object first; everything else stays")
    func sweep() async throws {
        try await withStorageScene(try await makeBucket()) { scene in
            let young = String(scene.sweep.began.milliseconds)
            try await scene.orphan("orphan")
            try await scene.orphan("empty-owner", fields: ["entityId": ""])
            try await scene.orphan("linked", fields: ["entityId": "e1"])
            try await scene.orphan("young", fields: ["uploadedAt": young])
            try await scene.orphan("deleted", fields: ["entityId": "e1", "deletedAt": scene.long])
            try await scene.orphan("restorable", fields: ["deletedAt": young])
            try await scene.orphan("no-object", isStored: false)
            try await scene.orphan("no-key", object: "", isStored: false)
            try await scene.orphan("odd-key", object: "a\u{1}b")

            let result = try await scene.sweep.run("files")

            #expect(result.status == .completedWithErrors && result.cleanedUp == 5 && result.failed == 1)
            #expect(result.deletedCount == 5 && result.failedCount == 1)
            #expect(
                result.bytesFreed == 400 && result.absent == 1 && result.records.allSatisfy { $0.action == "delete" })
            let gone = ["orphan", "empty-owner", "deleted", "no-object", "odd-key"]
            for id in gone { #expect(try await scene.exists(id) == false, "\(id)") }
            for id in ["linked", "young", "restorable", "no-key"] {
                #expect(try await scene.record(id)["status"] == "ready", "\(id)")
            }
            let left = ["linked", "young", "restorable"].map { "objects/\($0)" }
            #expect(Set(try await scene.objects()) == Set(left))
            #expect(result.errors.map(\.id) == ["no-key"])
            let events = try await scene.sweep.stream(scene.sweep.keys.events).filter { $0["action"] != "error" }
            #expect(events.count == 5 && Set(events.compactMap { $0["record"] }) == Set(gone))
            let event = try #require(events.first { $0["record"] == "orphan" })
            #expect(event["action"] == "delete" && event["tokens"] == "0" && event["bytes"] == "100")
            #expect(event["before"]?.contains("\"status\":\"ready\"") == true)
            let trash = try #require(try await scene.sweep.names("curfew:trash:*:{file:orphan}").first)
            #expect(try await scene.sweep.hash(trash)["r2Key"] == "objects/orphan")
            // This one never had an object.
            _ = try await scene.sweep.send("DEL", "file:no-key")
            try await scene.expectNothingLost()
        }
    }

    @Test("a dry run names what would go, with its bytes, and asks nothing of storage")
    func dryRun() async throws {
        let bucket = try await makeBucket()
        try await withStorageScene(bucket, endpoint: "http://127.0.0.1:\(try freePort())") { scene in
            for id in ["a", "b"] { try await scene.orphan(id) }
            let before = try await scene.sweep.dump()
            let result = try await scene.sweep.run("files", isDryRun: true)
            #expect(result.status == .completed && result.totalFound == 2 && result.bytesFreed == 200)
            #expect(result.records.map(\.action) == ["delete", "delete"])
            #expect(try await scene.sweep.dump() == before)
        }
    }

    @Test("2,500 orphans take three requests")
    func manyObjects() async throws {
        let bucket = try await makeBucket()
        try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint) { scene in
                for start in stride(from: 1, through: 2_500, by: 500) {
                    let commands = (start..<start + 500).flatMap { number in
                        let fields = ["uploadedAt", scene.long, "r2Key", "many/\(number)", "size", "10"]
                        return [
                            RedisCommand("HSET", ["file:\(number)"] + fields),
                            RedisCommand("ZADD", ["files", "\(number)", "\(number)"]),
                        ]
                    }
                    try await scene.sweep.redis.pipeline(commands)
                }
                // Some are there for real; for the others, nothing to delete is the same amount of work for the client.
                for id in stride(from: 1, through: 2_500, by: 125) { try await bucket.put("many/\(id)", [1]) }
                let result = try await scene.sweep.run("files")
                #expect(result.status == .completed && result.cleanedUp == 2_500 && result.bytesFreed == 200)
                #expect(result.absent == 2_480)
                #expect(gateway.deletions.count == 3)
                #expect(try await scene.objects().isEmpty)
                #expect(try await scene.sweep.send("ZCARD", "files").integer == 0)
                #expect(try await scene.sweep.existing("file:1", "file:2499") == 0)
            }
        }
    }

    @Test("a file that was claimed by a run that died is deleted by the next")
    func claimedBefore() async throws {
        try await withStorageScene(try await makeBucket()) { scene in
            try await scene.orphan("a", fields: ["status": "deleting"])
            try await scene.orphan("b", isStored: false, fields: ["status": "deleting"])
            let result = try await scene.sweep.run("files")
            #expect(result.cleanedUp == 2 && result.errors.isEmpty)
            #expect(try await scene.objects().isEmpty)
            #expect(try await scene.sweep.members("files").isEmpty)
        }
    }

    @Test("records that are JSON are claimed and removed all the same")
    func json() async throws {
        let cleanup = StorageScene.cleanup + "\n  format: json"
        try await withStorageScene(try await makeBucket(), cleanup: cleanup) { scene in
            try await scene.bucket.put("objects/j", [1])
            let text = "{\"uploadedAt\": \(scene.long), \"r2Key\": \"objects/j\", \"size\": 7, \"status\": \"ready\"}"
            _ = try await scene.sweep.send("SET", "file:j", text)
            _ = try await scene.sweep.send("ZADD", "files", "1", "j")
            let result = try await scene.sweep.run("files")
            #expect(result.cleanedUp == 1 && result.bytesFreed == 7 && result.errors.isEmpty)
            #expect(try await scene.objects().isEmpty)
            #expect(try await scene.sweep.send("EXISTS", "file:j").integer == 0)
        }
    }

    /// What happens between claim and removal.
    ///
    ///     sweep                          app
    ///     claim: status deleting
    ///                                    HSET entityId, without a look at the status
    ///     reads again: the claim is taken back
    @Test("a file that the app links while the sweep runs keeps its object, and its status from before")
    func linkedMeanwhile() async throws {
        let bucket = try await makeBucket()
        try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text) { gateway in
            try await withStorageScene(bucket, endpoint: gateway.endpoint) { scene in
                for id in ["a", "b"] { try await scene.orphan(id) }
                let cleanup = try scene.sweep.cleanup("files")
                let (claim, clock) = try await scene.sweep.claim(cleanup)
                let sweep = Sweep(
                    engine: scene.sweep.engine, cleanup: cleanup, claim: claim,
                    control: RunControl(trust: nil, timeout: .seconds(60)), clock: clock, options: .init(),
                    scanned: nil)
                let entries = ["a", "b"].map { DueEntry(id: $0, score: 0, scoreText: "0") }
                let judged = try await sweep.judge.judge(entries, at: clock.now)
                #expect(try await sweep.committed(judged).count == 2 && gateway.requests.isEmpty)
                #expect(try await scene.record("a")["status"] == "deleting")
                let score = try #require(try await scene.sweep.score("a", in: "files"))
                #expect(score <= clock.now.milliseconds)

                _ = try await scene.sweep.send("HSET", "file:a", "entityId", "e1")
                var state = Sweep.State(size: PageSize(fixed: nil), committer: sweep.scope.committer)
                state.claimed = judged
                try await sweep.deleteObjects(&state, all: true)

                #expect(state.outcome.counters.changed == 1 && state.outcome.counters.skipped == 1)
                #expect(try await scene.objects() == ["objects/a"])
                #expect(try await scene.record("a")["status"] == "ready")
                #expect(try await scene.record("a")["entityId"] == "e1")
                #expect(try await scene.exists("b") == false)
                #expect(try await scene.sweep.stream(scene.sweep.keys.events).map { $0["record"] } == ["b"])
                try await scene.expectNothingLost()
            }
        }
    }

    @Test("an app that looks at the status before it links never loses a file, thousands of times")
    func linkRounds() async throws {
        let bucket = try await makeBucket()
        try await withStorageScene(bucket) { scene in
            let link = """
                local status = redis.call('HGET', KEYS[1], 'status')
                if status ~= 'ready' then return 0 end
                redis.call('HSET', KEYS[1], 'entityId', 'e1')
                return 1
                """
            let rounds = 4
            let files = 500
            for round in 0..<rounds {
                let ids = (0..<files).map { "\(round)-\($0)" }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for start in stride(from: 0, to: files, by: 50) {
                        group.addTask { for id in ids[start..<(start + 50)] { try await scene.orphan(id) } }
                    }
                    try await group.waitForAll()
                }
                async let result = scene.sweep.run("files")
                let kept = try await withThrowingTaskGroup(of: String?.self) { group in
                    for id in ids.shuffled().prefix(files / 2) {
                        group.addTask {
                            let answer = try await scene.sweep.send("EVAL", link, "1", "file:\(id)")
                            return answer.integer == 1 ? id : nil
                        }
                    }
                    return try await group.reduce(into: []) { linked, id in linked += [id].compactMap(\.self) }
                }
                let counts = try await result
                #expect(counts.errors.isEmpty && counts.cleanedUp + kept.count >= files)
                let objects = Set(try await bucket.list(prefix: "objects/\(round)-"))
                for id in kept {
                    #expect(objects.contains("objects/\(id)"), "\(id) was linked, and its object is gone")
                    #expect(try await scene.record(id)["entityId"] == "e1")
                }
                try await scene.expectNothingLost()
            }
        }
    }
}

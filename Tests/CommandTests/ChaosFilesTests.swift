import Curfew
import Foundation
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("a run that deletes objects, killed", .tags(.processes))
    struct FilesTests {
        /// Where the run is when it is killed.
        enum Point: CaseIterable {
            /// The records are claimed; storage has not heard of it.
            case claimed
            /// The objects are gone; their records are not.
            case deleted
        }

        private static let count = 150

        //  run                    redis              storage
        //  claim ───────────────► deleting
        //  DeleteObjects ────────────────────────►   (killed here: claimed)
        //                                            gone
        //         ◄──────────────────────────────    (killed here: deleted)
        //  removal ─────────────► gone
        @Test(
            "wherever it is killed, every object has a record, every record is claimed, and the next run ends it",
            .timeLimit(.minutes(5)), arguments: Point.allCases)
        func killed(at point: Point) async throws {
            let bucket = try await makeBucket()
            let victim = Mutex<ChildProcess?>(nil)
            let decision: ObjectGateway.Decision = { _, request, forward in
                guard request.isDeletion, let process = victim.withLock(\.self) else {
                    return .reply(try await forward())
                }
                if point == .deleted { _ = try await forward() }
                process.signal(SIGKILL)
                await process.wait()
                return .hangUp
            }
            try await ObjectGateway.withGateway(to: bucket.configuration.endpoint.text, decision: decision) { gateway in
                try await withProcesses { scene in
                    let file = try scene.write(Self.configuration(scene, bucket, endpoint: gateway.endpoint))
                    try await Self.upload(scene, bucket)
                    let log = "\(scene.server.folder)/killed.log"
                    let run = try ChildProcess(
                        [try CurfewProgram.path, "run", "files", "--config", file], output: log)
                    victim.withLock { $0 = run }
                    #expect(await run.wait(atMost: .seconds(60)) == 128 + SIGKILL)
                    #expect(gateway.deletions.count == 1)

                    let objects = Set(try await bucket.list(prefix: ""))
                    #expect(objects.count == (point == .claimed ? Self.count : 0))
                    for number in 0..<Self.count {
                        let record = try await scene.send("HMGET", "file:\(number)", "status", "r2Key")
                        #expect(record[0].string == "deleting" && record[1].string == "objects/\(number)")
                    }
                    #expect(try await scene.send("ZCARD", "files").integer == Int64(Self.count))

                    victim.withLock { $0 = nil }
                    let ending = try await scene.curfew("run", "files", "--wait", configuration: file)
                    #expect(ending.code == 0, "\(ending.output)")
                    #expect(try await bucket.list(prefix: "").isEmpty)
                    #expect(try await scene.send("ZCARD", "files").integer == 0)
                    // Both runs were asked for, which is noted too.
                    #expect(try await scene.send("XLEN", scene.keys.events).integer == Int64(Self.count) + 2)
                    #expect(try await scene.send("EXISTS", "file:0", "file:\(Self.count - 1)").integer == 0)
                }
            }
        }

        private static func configuration(
            _ scene: ProcessesScene, _ bucket: ObjectStorage, endpoint: String
        ) -> String {
            """
            redis: \(scene.server.url)
            worker: {lease: 1s, heartbeat: 1s}
            storage:
              uploads:
                endpoint: \(endpoint)
                bucket: \(bucket.configuration.bucket)
                access-key: \(ObjectStore.Key.admin.id)
                secret-key: \(ObjectStore.Key.admin.secret)
            cleanups:
              files:
                policy: files
                every: 1h
                records: file:<id>
                index: files
                since: [uploadedAt]
                orphan: {unless: entityId, after: 24h}
                storage: uploads
                object: r2Key
            """
        }

        private static func upload(_ scene: ProcessesScene, _ bucket: ObjectStorage) async throws {
            let old = String(try await scene.now() - 40 * 86_400_000)
            for number in 0..<count {
                try await bucket.put("objects/\(number)", [1, 2, 3])
                _ = try await scene.send("HSET", "file:\(number)", "uploadedAt", old, "r2Key", "objects/\(number)")
                _ = try await scene.send("ZADD", "files", "1", String(number))
            }
        }
    }
}

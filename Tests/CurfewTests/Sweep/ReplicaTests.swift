import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// An object goes only when enough replicas know of its claim.
@Suite("storage: replicas", .tags(.cluster), .enabled(if: RedisServer.hasFunctions), .timeLimit(.minutes(5)))
struct ReplicaTests {
    @Test(
        "without the replicas that are asked for nothing is deleted; with them the next run goes on",
        arguments: [true, false])
    func replicas(isOfCleanup: Bool) async throws {
        let cleanup = StorageScene.cleanup + (isOfCleanup ? "\n  replicas: 1" : "")
        let settings = isOfCleanup ? "min-replicas: 0" : "min-replicas: 1"
        try await withStorageScene(try await makeBucket(), cleanup: cleanup, settings: settings) { scene in
            try await scene.orphan("orphan")
            let result = try await scene.sweep.run("files")
            #expect(result.status == .failed && result.error?.contains("0 replicas of ") == true, "\(result)")
            #expect(try await scene.exists("orphan"))
            #expect(try await scene.objects().count == 1)

            // The server has a socket only, which no replica can reach.
            let port = String(try freePort())
            _ = try await scene.sweep.send("CONFIG", "SET", "port", port)
            try await withServer(arguments: ["--replicaof", "127.0.0.1 \(port)"]) { _ in
                try await eventually("a replica that has everything") {
                    let info = try await scene.sweep.send("INFO", "replication")
                    return info.infoField("slave0")?.contains("state=online") == true
                }
                let second = try await scene.sweep.run("files")
                #expect(second.status == .completed && second.cleanedUp == 1, "\(second)")
                #expect(try await scene.objects().isEmpty)
            }
        }
    }

    @Test("a replica that hangs is waited for a second, nothing is deleted, and the next run tries again")
    func hanging() async throws {
        let cleanup = StorageScene.cleanup + "\n  replicas: 1"
        try await withStorageScene(try await makeBucket(), cleanup: cleanup) { scene in
            let port = String(try freePort())
            _ = try await scene.sweep.send("CONFIG", "SET", "port", port)
            try await withServer(arguments: ["--replicaof", "127.0.0.1 \(port)"]) { replica in
                try await eventually("a replica that has everything") {
                    let info = try await scene.sweep.send("INFO", "replication")
                    return info.infoField("slave0")?.contains("state=online") == true
                }
                try await scene.orphan("orphan")
                replica.freeze()
                let result = try await scene.sweep.run("files")
                #expect(result.status == .failed && result.error?.contains("knew of the claims within 1s") == true)
                #expect(result.error?.contains("the object of 1 record not deleted") == true, "\(result)")
                #expect(try await scene.objects().count == 1)
                #expect(try await scene.record("orphan")["status"] == "deleting")
                replica.resume()
                try await eventually("the replica is back") {
                    try await scene.sweep.send("WAIT", "1", "100").integer == 1
                }
                let second = try await scene.sweep.run("files")
                #expect(second.status == .completed && second.cleanedUp == 1, "\(second)")
                #expect(try await scene.objects().isEmpty)
            }
        }
    }

    @Test("in a cluster each node's own replicas count: where those of one hang, nothing is deleted")
    func cluster() async throws {
        let bucket = try await makeBucket()
        let storage = """
            storage:
              uploads:
                endpoint: \(bucket.configuration.endpoint.text)
                bucket: \(bucket.configuration.bucket)
                access-key: \(ObjectStore.Key.admin.id)
                secret-key: \(ObjectStore.Key.admin.secret)
            """
        let cleanup = StorageScene.cleanup + "\n  replicas: 1"
        try await withClusterSweep(cleanup, settings: storage, replicas: 1) { cluster, sweep in
            let scene = StorageScene(sweep: sweep, bucket: bucket)
            for id in 1...12 { try await scene.orphan("\(id)") }
            let owner = try await cluster.owner(of: "file:1")
            let number = try #require(cluster.members.firstIndex { $0.identifier == owner.identifier })
            let replica = cluster.members[3 + number].server
            replica.freeze()
            let result = try await sweep.run("files")
            #expect(result.status == .failed && result.error?.contains("0 replicas of ") == true, "\(result)")
            #expect(result.error?.contains("the objects of 12 records not deleted") == true, "\(result)")
            #expect(try await scene.objects().count == 12)
            #expect(try await sweep.names("curfew:pending:*").isEmpty)
            replica.resume()
            try await eventually("the next run goes on") {
                let next = try await sweep.run("files")
                return next.status == .completed && next.cleanedUp == 12
            }
            #expect(try await scene.objects().isEmpty)
            try await scene.expectNothingLost()
        }
    }

    @Test("a cleanup's own number counts before the one for all")
    func own() async throws {
        let cleanup = StorageScene.cleanup + "\n  replicas: 0"
        try await withStorageScene(try await makeBucket(), cleanup: cleanup, settings: "min-replicas: 3") { scene in
            try await scene.orphan("orphan")
            #expect(try await scene.sweep.run("files").cleanedUp == 1)
        }
    }
}

import Policies
import RedisClient
import TestSupport
import Testing

@testable import Curfew

/// An object goes only when enough replicas know of its claim.
@Suite("storage: replicas", .timeLimit(.minutes(5)))
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

    @Test("a cleanup's own number counts before the one for all")
    func own() async throws {
        let cleanup = StorageScene.cleanup + "\n  replicas: 0"
        try await withStorageScene(try await makeBucket(), cleanup: cleanup, settings: "min-replicas: 3") { scene in
            try await scene.orphan("orphan")
            #expect(try await scene.sweep.run("files").cleanedUp == 1)
        }
    }
}

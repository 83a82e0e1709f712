import Policies
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Files on a Cluster whose deletion breaks off between any two steps: a claim and a removal are a saga each, with the
/// deletion of the object in between.
@Suite("storage: a cluster", .tags(.cluster), .onlyCluster, .timeLimit(.minutes(5)))
struct StorageClusterTests {
    private struct Cut: Error {}

    /// Runs a cleanup until a page has come to a stage for the so-many-th time; the lease is left to the next run.
    private func die(_ scene: StorageScene, after stage: Saga.Stage, arrival: Int) async throws {
        let arrivals = Mutex(0)
        let cut: @Sendable (Saga.Stage) throws -> Void = { reached in
            guard reached == stage else { return }
            let count = arrivals.withLock { count in
                count += 1
                return count
            }
            if count == arrival { throw Cut() }
        }
        let result = try await Saga.$cut.withValue(cut) { try await scene.sweep.run("files") }
        #expect(result.status == .failed, "\(result)")
    }

    @Test(
        "claims and removals that break off are finished by the next run, object first, each told once",
        arguments: Saga.Stage.allCases, ["claim", "removal"])
    func broken(stage: Saga.Stage, part: String) async throws {
        try await withStorageScene(try await makeBucket()) { scene in
            for number in 1...12 { try await scene.orphan("\(number)") }
            try await scene.orphan("linked", fields: ["entityId": "e1"])
            // A page of claims is one saga, then their objects go, then a page of removals is another.
            try await die(scene, after: stage, arrival: part == "claim" ? 1 : 2)
            try await scene.expectNothingLost()
            #expect(try await scene.objects().count == (part == "claim" ? 13 : 1))

            let result = try await scene.sweep.run("files")

            #expect(result.status == .completed && result.skipped == 0, "\(result)")
            let isTold = part == "removal" && [.recorded, .cleared, .ended].contains(stage)
            #expect(result.cleanedUp == (isTold ? 0 : 12) && result.bytesFreed == (isTold ? 0 : 1_200), "\(result)")
            try await scene.expectNothingLost()
            #expect(try await scene.objects() == ["objects/linked"])
            #expect(try await scene.sweep.names("file:*") == ["file:linked"])
            #expect(try await scene.sweep.names("curfew:trash:*").count == 12)
            let events = try await scene.sweep.stream(scene.sweep.keys.events)
            #expect(events.count == 12 && Set(events.compactMap { $0["record"] }).count == 12)
            #expect(events.allSatisfy { $0["action"] == "delete" && $0["bytes"] == "100" })
            #expect(try await SagaCrashTests.traces(scene.sweep) == [])
        }
    }

    @Test("an orphan that is marked first is marked once, unmarked by an undo, and deleted when its time is over")
    func marked() async throws {
        let cleanup = StorageScene.cleanup.replacing("after: 24h}", with: "after: 24h, mark: deletedAt}")
        for stage in Saga.Stage.allCases {
            try await withStorageScene(try await makeBucket(), cleanup: cleanup) { scene in
                for id in ["a", "b", "c"] { try await scene.orphan(id) }
                let before = try await scene.record("a")
                try await die(scene, after: stage, arrival: 1)

                let result = try await scene.sweep.run("files")
                #expect(result.status == .completed && result.bytesFreed == 0, "\(stage): \(result)")
                let events = try await scene.sweep.stream(scene.sweep.keys.events)
                #expect(events.map { $0["action"] } == ["mark", "mark", "mark"], "\(stage)")
                #expect(try await scene.record("a")["deletedAt"] != nil)
                #expect(try await scene.objects().count == 3)

                let run = try #require(events.first?["run"])
                let undone = try await scene.sweep.undo(run)
                #expect(undone.cleanedUp == 3, "\(stage): \(undone)")
                #expect(try await scene.record("a") == before)

                // Marked long ago, as if the seven days had passed.
                for id in ["a", "b", "c"] {
                    _ = try await scene.sweep.send("HSET", "file:\(id)", "deletedAt", scene.long)
                }
                let last = try await scene.sweep.run("files")
                #expect(last.cleanedUp == 3 && last.bytesFreed == 300, "\(stage): \(last)")
                #expect(try await scene.objects().isEmpty)
                #expect(try await scene.sweep.members("files").isEmpty)
            }
        }
    }

    @Test("a deletion isn't undone, and the undo says why")
    func undo() async throws {
        try await withStorageScene(try await makeBucket()) { scene in
            for id in ["a", "b"] { try await scene.orphan(id) }
            let run = try await scene.sweep.run("files")
            #expect(run.cleanedUp == 2, "\(run)")
            let undone = try await scene.sweep.undo(run.run)
            #expect(undone.cleanedUp == 0 && undone.skipped == 2, "\(undone)")
            #expect(SweepScene.left(undone)["a"]?.contains("object") == true, "\(undone)")
            #expect(try await scene.sweep.names("file:*") == [])
        }
    }
}

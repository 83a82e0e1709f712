import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Scans by many instances: those that ask are few for each cleanup.
@Suite("indexing: a fleet", .tags(.ownServer), .timeLimit(.minutes(5)))
struct IndexingFleetTests {
    private static let size = 200
    private static let text = """
        cleanups:
          jobs: {policy: stuck, every: 1h, records: "job:<id>", states: [RUNNING], since: [at], timeout: 1h, to: FAILED, scan: 1h}

        """

    /// Runs a body beside the indexers of a fleet in which each knows how many there are.
    private func withFleet(
        _ scene: CoordinationScene, _ body: ([Indexer]) async throws -> Void
    ) async throws {
        let indexers = try (1...Self.size).map { Indexer(engine: try scene.engine("instance-\($0)")) }
        for indexer in indexers { indexer.count(Self.size) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for indexer in indexers { group.addTask { await indexer.run() } }
            defer { for indexer in indexers { indexer.stop() } }
            try await body(indexers)
        }
    }

    /// How many times the lease of a scan was asked for.
    private func asked(_ scene: CoordinationScene) async throws -> Int {
        let text = try await scene.send("INFO", "commandstats").infoField("cmdstat_hmget") ?? ""
        return text.split(separator: ",").first.flatMap { Int($0.dropFirst("calls=".count)) } ?? 0
    }

    private func untilFinished(_ scene: CoordinationScene) async throws {
        try await eventually("the end of the scan", within: .seconds(60)) {
            try await scene.send("HGET", scene.keys.scan("jobs"), "finished_ms").string != nil
        }
    }

    @Test("of 200 instances that are started at once, few ask for the scan of a cleanup, and one scans")
    func started() async throws {
        try await withInstances(Self.text) { scene in
            try await scene.stick(1...10)
            try await scene.send("ZREM", scene.keys.index("jobs"), "job-1")
            try await scene.send("CONFIG", "RESETSTAT")
            try await withFleet(scene) { indexers in
                try await untilFinished(scene)
                try await eventually("most leave it to others") {
                    indexers.count { $0.leaves("jobs") } > Self.size * 3 / 4
                }
            }
            #expect(try await scene.send("HGET", scene.keys.scan("jobs"), "fence").string == "1")
            #expect(try await asked(scene) < Self.size)
        }
    }

    @Test("a message to all of them makes few ask")
    func woken() async throws {
        try await withInstances(Self.text) { scene in
            try await withFleet(scene) { indexers in
                try await untilFinished(scene)
                try await scene.send("CONFIG", "RESETSTAT")
                for indexer in indexers { indexer.wake("jobs") }
                try await eventually("some ask") { try await asked(scene) > 0 }
            }
            #expect(try await asked(scene) < Self.size / 2)
        }
    }

    @Test("when those that ask have gone, others do as soon as they hear of it")
    func gone() async throws {
        try await withInstances(Self.text) { scene in
            let all = try (1...Self.size).map { try scene.engine("instance-\($0)") }
            func isAsking(_ engine: Engine) -> Bool {
                LookOrder(instance: engine.instance.id, mates: Self.size).isAmong(
                    LookOrder.fewest, for: "jobs", draw: 0)
            }
            let left = all.filter { !isAsking($0) }
            let indexers = left.map(Indexer.init(engine:))
            for indexer in indexers { indexer.count(Self.size) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for indexer in indexers { group.addTask { await indexer.run() } }
                defer { for indexer in indexers { indexer.stop() } }
                try await eventually("all leave it to others") { indexers.allSatisfy { $0.leaves("jobs") } }
                #expect(try await scene.send("EXISTS", scene.keys.scan("jobs")).integer == 0)
                for indexer in indexers { indexer.count(left.count) }
                try await untilFinished(scene)
            }
        }
    }

    @Test("an instance that is left alone asks at once")
    func leftAlone() async throws {
        try await withInstances(Self.text) { scene in
            try await scene.stick(1...10)
            // Of so many this one never comes first.
            let indexer = Indexer(engine: try scene.engine("last"))
            indexer.count(1_000_000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await indexer.run() }
                defer { indexer.stop() }
                try await eventually("it has left it to others") { indexer.leaves("jobs") }
                #expect(try await scene.send("EXISTS", scene.keys.scan("jobs")).integer == 0)
                indexer.count(1)
                try await untilFinished(scene)
            }
        }
    }
}

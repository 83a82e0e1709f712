import Foundation
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Events hold what records held, so their sizes are the owners' of the records too.
@Suite("undo: sizes", .tags(.ownServer), .everyTopology)
struct UndoSizesTests {
    @Test("a before-image that is too large is cut, which its event says, and an undo names that record and goes on")
    func cut() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a", "b", "c")
            let long = String(repeating: "é", count: 50_000).held
            _ = try await scene.send("HSET", "job:b", "error", long)
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 3)
            let events = try await History(engine: scene.engine).last(10, of: scene.keys.events)
            let image = try #require(events.first { $0["record"] == "b" }?["before"])
            #expect(image.utf8.count < 4_096 && image.contains("\"curfew:cut\":\"100"), "\(image)")

            let result = try await scene.undo(run.run)

            #expect(result.cleanedUp == 2)
            let left = SweepScene.left(result)
            #expect(left.keys.sorted() == ["b"])
            #expect(left["b"]?.contains("doesn't hold what was there before, which had 100") == true, "\(left)")
            #expect(try await scene.hash("job:b")["status"] == "FAILED")
            #expect(try await scene.hash("job:a")["status"] == "PROCESSING")
        }
    }

    @Test("a removed record goes back whatever its fields hold: it is in the trash")
    func removal() async throws {
        let cleanup = """
            old: {policy: retention, every: 1h, records: "old:<id>", index: olds, since: [at], keep: 1h, guard: off}
            """
        try await withSweepScene(cleanup) { scene in
            let at = String((scene.began - .seconds(7_200)).milliseconds)
            let fields = ["at": at, "status": String(repeating: "x", count: 100_000)]
            try await scene.write("old:a", fields, index: "olds", id: "a")
            let run = try await scene.run("old")
            #expect(run.cleanedUp == 1)
            #expect(try await scene.undo(run.run).cleanedUp == 1)
            #expect(try await scene.hash("old:a") == fields)
        }
    }

    @Test("events that don't fit into one answer are undone, listed and paged all the same")
    func many() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            let long = String(repeating: "a", count: 60_000)
            for number in 0..<200 {
                try await scene.stick("\(number)")
                _ = try await scene.send("HSET", "job:\(number)", "error", long)
            }
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 200)
            let history = History(engine: scene.engine)
            #expect(try await history.last(200, of: scene.keys.events).count == 200)
            var seen: Set<String> = []
            var cursor: String?
            repeat {
                let page = try await history.page(of: scene.keys.events, 100, before: cursor)
                seen.formUnion(page.entries.map(\.id))
                cursor = page.next
            } while cursor != nil
            #expect(seen.count == 200)
            let result = try await scene.undo(run.run)
            #expect(result.cleanedUp == 200 && result.skipped == 0, "\(result.message)")
            #expect(try await scene.hash("job:17")["error"] == long)
        }
    }
}

import Policies
import TestNeeds
import Testing

@testable import Curfew

@Suite("stale pauses", .tags(.ownServer), .everyTopology)
struct StalePausesTests {
    private static let batches = """
        batches:
          policy: paused
          every: 1h
          records: "batch:<id>"
          index: batches
          states: [paused]
          since: [updatedAt]
          stale: 7d
          warn: 23d
          timeout: 30d
          to: cancelled
        """

    @Test("what is paused for too long is found, marked or not, and what ends first comes first")
    func found() async throws {
        try await withSweepScene(Self.batches) { scene in
            func pause(_ id: String, days: Int64, _ fields: [String: String] = [:]) async throws {
                let since = scene.began - .seconds(days * 86_400)
                let own = ["status": "paused", "updatedAt": String(since.milliseconds)]
                try await scene.write(
                    "batch:" + id, own.merging(fields) { _, new in new }, index: "batches", id: id)
            }
            let marked = String((scene.began - .seconds(86_400)).milliseconds)
            try await pause("young", days: 6)
            try await pause("stale", days: 8)
            try await pause("marked", days: 24, ["staleSince": marked, "warnedAt": marked])
            // A mark of an earlier pause says nothing of this one.
            try await pause("again", days: 9, ["warnedAt": String((scene.began - .seconds(40 * 86_400)).milliseconds)])
            try await pause("resumed", days: 20, ["status": "running"])
            try await pause("unreadable", days: 20, ["updatedAt": "<b>"])
            let cleanup = try scene.cleanup("batches")
            let pauses = try #require(try await StalePauses.read(scene.engine.store, cleanup, at: scene.began))
            #expect(pauses.records.map(\.id) == ["marked", "again", "stale"])
            #expect(pauses.records[0].pause.warnedAt?.milliseconds == Int64(marked))
            #expect(pauses.records[1].pause.warnedAt == nil && pauses.records[1].pause.markedAt == nil)
            #expect(pauses.records[2].pause.end == scene.began + .seconds(22 * 86_400))
            #expect(pauses.looked == 6 && pauses.tracked == 6)
        }
    }

    @Test("a cleanup of another kind has none")
    func none() async throws {
        let locks = "locks: {policy: locks, every: 1h, records: \"lock:<id>\", timeout: 1h}"
        try await withSweepScene(locks) { scene async throws in
            let cleanup = try scene.cleanup("locks")
            let pauses = try await StalePauses.read(scene.engine.store, cleanup, at: scene.began)
            #expect(pauses == nil)
        }
    }
}

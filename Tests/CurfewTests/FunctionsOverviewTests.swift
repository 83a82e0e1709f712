import RedisClient
import TestSupport
import Testing

@testable import Curfew

@Suite("curfew_overview")
struct FunctionsOverviewTests {
    private func overview(_ scene: FunctionsScene) async throws -> [String] {
        try await scene.library.call(
            "curfew_overview", keys: [scene.keys.schedule], arguments: [], isReadOnly: true
        ).elements.compactMap(\.string)
    }

    /// The row without its column widths.
    private func words(_ row: String) -> String {
        row.split(separator: " ").joined(separator: " ")
    }

    @Test("there are no rows where there is nothing")
    func empty() async throws {
        try await withFunctions { scene in
            let rows = try await overview(scene)
            #expect(rows.isEmpty)
        }
    }

    @Test("every state of a cleanup has its words, in the order of the schedule")
    func cleanups() async throws {
        try await withFunctions { scene in
            for name in ["running", "lost", "paused", "waiting", "late"] { try await scene.claim(name) }
            try await scene.renew("running", fence: "1", "progress", "40", "step", "sweep")
            try await scene.schedule("running", in: 14_900)
            try await scene.schedule("lost", in: -7_250)
            try await scene.send("HSET", scene.keys.paused, "paused", #"{"why":"moving"}"#, "lost", "{}")
            for name in ["paused", "waiting", "late"] { try await scene.send("DEL", scene.keys.lease(name)) }
            try await scene.schedule("paused", in: 1_000)
            try await scene.schedule("waiting", in: 7_265_900)
            try await scene.schedule("late", in: -90_250)
            let rows = try await overview(scene).map(words)
            #expect(
                rows == [
                    "cleanup late overdue by 1m30s",
                    "cleanup lost lease lost lost-1 of one, 7s ago",
                    #"cleanup paused paused {"why":"moving"}"#,
                    "cleanup running running running-1 on one, 40% (sweep), lease ends in 14s",
                    "cleanup waiting due in 2h01m",
                ])
        }
    }

    @Test("instances that live say what they run, those that are gone say so")
    func instances() async throws {
        try await withFunctions { scene in
            _ = try await scene.tick(
                beat: .init(instance: "two", fields: [("version", "0.1.0"), ("running", "jobs,locks")]))
            _ = try await scene.tick(beat: .init(instance: "one", fields: [("version", "0.1.0"), ("running", "")]))
            try await scene.send("ZADD", scene.keys.instances, String(try await scene.now() - 200_000_000), "old")
            let rows = try await overview(scene).map(words)
            #expect(rows.count == 3)
            #expect(
                rows.contains { $0.hasPrefix("instance one seen ") && $0.hasSuffix("version 0.1.0, running nothing") })
            #expect(rows.contains { $0.hasPrefix("instance two seen ") && $0.hasSuffix(", running jobs,locks") })
            #expect(rows.last == "instance old seen 2d ago, gone")
        }
    }
}

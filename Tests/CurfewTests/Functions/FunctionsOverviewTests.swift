import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("curfew_overview", .tags(.ownServer), .enabled(if: RedisServer.hasFunctions))
struct FunctionsOverviewTests {
    private func overview(_ scene: FunctionsScene) async throws -> [String] {
        try await scene.library.call(OverviewCall(keys: scene.keys))
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
            try await scene.renew("running", fence: "1", ["progress": "40", "step": "sweep"])
            try await scene.schedule("running", in: 3_630_000)
            try await scene.schedule("lost", in: -7_230_000)
            try await scene.send("HSET", scene.keys.paused, "paused", #"{"why":"moving"}"#, "lost", "{}")
            for name in ["paused", "waiting", "late"] { try await scene.send("DEL", scene.keys.lease(name)) }
            try await scene.schedule("paused", in: 1_000)
            try await scene.schedule("waiting", in: 7_290_000)
            try await scene.schedule("late", in: -10_830_000)
            let rows = try await overview(scene).map(words)
            #expect(
                rows == [
                    "cleanup late overdue by 3h00m",
                    "cleanup lost lease lost lost-1 of one, 2h00m ago",
                    #"cleanup paused paused {"why":"moving"}"#,
                    "cleanup running running running-1 on one, 40% (sweep), lease ends in 1h00m",
                    "cleanup waiting due in 2h01m",
                ])
        }
    }

    @Test("of many it lists those that are due first and says how many more there are")
    func many() async throws {
        try await withFunctions { scene in
            for number in 0..<130 {
                try await scene.schedule("jobs-\(number)", in: Int64(number) * 1_000 - 50_000)
                try await scene.send("ZADD", scene.keys.instances, "\(number)", "web-\(number)")
            }
            let rows = try await overview(scene).map(words)
            #expect(rows.count == 202)
            #expect(rows[0].hasPrefix("cleanup jobs-0 overdue by"))
            #expect(rows[100] == "cleanup and 30 more: ZRANGE \(scene.keys.schedule) 100 -1")
            #expect(rows[101].hasPrefix("instance web-129 "))
            #expect(rows[201] == "instance and 30 more: ZREVRANGE \(scene.keys.instances) 100 -1")
        }
    }

    @Test(
        "times are told in the largest unit that fits",
        arguments: [
            (-30_000, "overdue by 3", "s"), (-95_000, "overdue by 1m", "s"), (-7_230_000, "overdue by 2h00m", ""),
            (-172_830_000, "overdue by 2d", ""), (172_790_000, "due in 47h5", "m"),
        ] as [(Int64, String, String)])
    func spans(distance: Int64, start: String, end: String) async throws {
        try await withFunctions { scene in
            try await scene.schedule("jobs", in: distance)
            let row = words(try await overview(scene).first ?? "")
            #expect(row.hasPrefix("cleanup jobs " + start))
            #expect(row.hasSuffix(end))
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

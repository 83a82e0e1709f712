import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("versions of the library side by side", .tags(.ownServer), .enabled(if: RedisServer.hasFunctions))
struct FunctionsMixedTests {
    /// The coordination of version 8, whose instances name with each tick what they know.
    private static let older = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("curfew_8.lua")

    /// A server on which the older version is loaded.
    private func withBoth(_ body: (FunctionsScene) async throws -> Void) async throws {
        let source = try String(contentsOf: Self.older, encoding: .utf8)
        try await withFunctions { scene in
            try await scene.send("FUNCTION", "LOAD", source)
            try await body(scene)
        }
    }

    /// A tick of an older instance.
    private func olderTick(_ names: [String], places: Int = 1, _ scene: FunctionsScene) async throws
        -> [String: RedisValue]
    {
        let keys = scene.keys
        let own = [
            keys.schedule, keys.fence, keys.instances, keys.instance("older"), keys.paused, keys.runs, keys.metrics,
        ]
        let declared = own + names.map { keys.lease($0) }
        let words = ["older", "120000", "10000", String(places), "schedule", "", "1000", "0", "0"]
        let known = names.flatMap { [$0, "stuck", "0", "60000", "0"] }
        return try await scene.redis.send(
            RedisCommand("FCALL", ["curfew_tick_8_older", String(declared.count)] + declared + words + known)
        ).named
    }

    private func olderFinish(_ name: String, term: String, next: Int64, _ scene: FunctionsScene) async throws {
        let keys = scene.keys
        let declared = [keys.schedule, keys.lease(name), keys.runs, keys.metrics, keys.events, keys.alerts]
        let words = [name, term, String(next), keys.wake, "1000", "1000000", "1000000", "1000000", "1000000"]
        let entries = ["1", "cleanup", name, "1", "kind", "run"]
        let answer = try await scene.redis.send(
            RedisCommand("FCALL", ["curfew_finish_8_older", "6"] + declared + words + entries))
        #expect(answer[0].string == "ok")
    }

    @Test("each leaves alone what the other runs, and claims what is due after it")
    func turns() async throws {
        try await withBoth { scene in
            try await scene.schedule("jobs", in: -1_000)
            let first = try await olderTick(["jobs"], scene)
            #expect(first["run"]?.string == "jobs-1")
            #expect(try await scene.tick(.init("jobs"))["claim"] == nil)
            try await olderFinish("jobs", term: first["term"]?.string ?? "", next: try await scene.now() - 1, scene)
            let second = try await scene.tick(.init("jobs"))
            #expect(second["run"]?.string == "jobs-2" && second["lost"]?.string == "")
            #expect(try await olderTick(["jobs"], scene)["claim"] == nil)
            try await scene.finish("jobs", fence: second["term"]?.string ?? "", next: try await scene.now() - 1)
            #expect(try await olderTick(["jobs"], scene)["run"]?.string == "jobs-3")
        }
    }

    @Test("each takes over from the other when a lease has run out, and the former holder is refused")
    func takeOver() async throws {
        try await withBoth { scene in
            try await scene.schedule("jobs", in: -1_000)
            _ = try await olderTick(["jobs"], scene)
            try await scene.schedule("jobs", in: -10)
            let ours = try await scene.tick(.init("jobs"))
            #expect(ours["lost"]?.string == "jobs-1")
            try await scene.schedule("jobs", in: -10)
            let theirs = try await olderTick(["jobs"], scene)
            #expect(theirs["lost"]?.string == "jobs-2")
            #expect(try await scene.renew("jobs", fence: ours["term"]?.string ?? "") == .lost)
            try await olderFinish(
                "jobs", term: theirs["term"]?.string ?? "", next: try await scene.now() + 60_000, scene)
            // Nothing of the run that it took over is left here.
            let answer = try await scene.tick(.init("jobs"))
            #expect(answer["claim"] == nil && answer["overdue"]?.count == 0)
            #expect(try await scene.send("EXISTS", scene.keys.running).integer == 0)
        }
    }

    @Test("what nobody runs is overdue to both, whichever of them knows it")
    func overdue() async throws {
        try await withBoth { scene in
            try await scene.schedule("old", in: -5_000)
            try await scene.schedule("new", in: -4_000)
            let ours = try await scene.tick(.init("new"), beat: .init(places: 0))
            let theirs = try await olderTick(["old"], places: 0, scene)
            for answer in [ours, theirs] {
                #expect(Set(answer["overdue"]?.texts.keys.map { $0 } ?? []) == ["old", "new"])
            }
        }
    }
}

import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What expires by itself keeps doing so, whatever Curfew writes beside it.
@Suite("sweep: expiries", .tags(.ownServer))
struct SweepExpiryTests {
    private static let sessions = """
        sessions:
          policy: stuck
          every: 1h
          records: sess:<id>
          states: [running]
          since: [at]
          timeout: 10m
          retry: {limit: 1, to: queued}
          to: failed
        """

    private func left(_ scene: SweepScene, _ fields: String...) async throws -> [Int64] {
        let words = ["sess:1", "FIELDS", "\(fields.count)"] + fields
        return try await scene.redis.send(RedisCommand("HPTTL", words)).elements.compactMap(\.integer)
    }

    @Test("fields that expire keep their expiries when they are rewritten, and when that is undone")
    func fields() async throws {
        try await withSweepScene(Self.sessions, program: try RedisServer.newer) { scene in
            let at = String((scene.began - .seconds(3_600)).milliseconds)
            try await scene.write("sess:1", ["status": "running", "at": at, "attempts": "0", "token": "x"])
            _ = try await scene.send("HPEXPIRE", "sess:1", "100000", "FIELDS", "2", "status", "token")
            _ = try await scene.send("HPEXPIRE", "sess:1", "90000", "FIELDS", "1", "attempts")
            let result = try await scene.run("sessions")
            #expect(result.retried == 1)
            #expect(try await scene.hash("sess:1")["status"] == "queued")
            for isUndone in [false, true] {
                if isUndone { #expect(try await scene.undo(result.run).cleanedUp == 1) }
                let times = try await left(scene, "status", "token", "attempts", "at")
                #expect((60_000...100_000).contains(times[0]) && (60_000...100_000).contains(times[1]), "\(times)")
                #expect((60_000...90_000).contains(times[2]) && times[3] == -1, "\(times)")
            }
        }
    }

    private static let links = """
        old-links: {policy: retention, every: 1h, records: "link:<id>", since: [at], keep: 1m, guard: off, also: ["text:<id>"]}
        """

    @Test("nothing is kept in the trash for longer than it would have lived, and an undo says that it has expired")
    func trash() async throws {
        try await withSweepScene(Self.links) { scene in
            let at = String((scene.began - .seconds(7_200)).milliseconds)
            for id in ["soon", "later", "never"] {
                try await scene.write("link:\(id)", ["at": at])
                _ = try await scene.send("SET", "text:\(id)", "x")
            }
            _ = try await scene.send("PEXPIRE", "link:soon", "700")
            _ = try await scene.send("PEXPIRE", "text:never", "600")
            _ = try await scene.send("PEXPIRE", "link:later", "500000000")
            let result = try await scene.run("old-links")
            #expect(result.cleanedUp == 3)
            let soon = try #require(try await scene.send("PTTL", "curfew:trash:\(result.run):{link:soon}").integer)
            #expect(soon <= 700)
            for id in ["later", "never"] {
                let kept = try #require(try await scene.send("PTTL", "curfew:trash:\(result.run):{link:\(id)}").integer)
                #expect(kept > 80_000_000 && kept <= 86_400_000)
            }
            try await eventually("what expires has expired") {
                try await scene.existing(
                    "curfew:trash:\(result.run):{link:soon}", "curfew:trash:\(result.run):{text:never}") == 0
            }
            let undone = try await scene.undo(result.run)
            let why = SweepScene.left(undone)
            #expect(undone.cleanedUp == 2 && why["soon"]?.hasPrefix("link:soon has expired meanwhile, at 20") == true)
            #expect(try await scene.existing("link:later", "link:never", "text:later") == 3)
            #expect(try await scene.existing("link:soon", "text:never") == 0)
            #expect(try #require(try await scene.send("PTTL", "link:later").integer) > 86_400_000)
            #expect(try await scene.send("PTTL", "link:never").integer == -1)
        }
    }
}

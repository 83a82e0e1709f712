import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Numbers at the ends of their range, wherever somebody else may have written them.
@Suite("hostile numbers", .tags(.ownServer))
struct HostileNumbersTests {
    private static let ends = ["-9223372036854775808", "9223372036854775807", "1e308", "-inf", "nan", "", "x"]

    @Test(
        "Curfew's own hashes may hold any number: status, scans and statistics say something all the same",
        arguments: ends)
    func ownHashes(number: String) async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            let name = "no-index"
            func hash(_ key: String, _ fields: [String]) async throws {
                try await scene.write(key, Dictionary(fields.map { ($0, number) }) { own, _ in own })
            }
            try await hash(
                scene.keys.scan(name), ["seen", "added", "keys", "next_ms", "finished_ms", "lease_until_ms"])
            try await hash(scene.keys.lease(name), ["progress", "found", "changed", "failed", "due_ms", "run"])
            try await hash(scene.keys.instance("i"), ["started_ms", "pid"])
            try await hash(scene.keys.alert("a"), ["since_ms"])
            if Double(number).map({ !$0.isNaN }) == true {
                _ = try await scene.send("ZADD", scene.keys.schedule, number, name)
                _ = try await scene.send("ZADD", scene.keys.instances, number, "i")
            }
            _ = try await Status.read(scene.engine)
            _ = try await scene.send("DEL", scene.keys.lease(name))
            _ = try await scene.send("HSET", scene.keys.scan(name), "cursor", "17")
            try await scene.write("plain:1", ["status": "PROCESSING", "updatedAt": "1690000000"])
            let control = RunControl(trust: nil, timeout: .seconds(300))
            let scan = KeyspaceScan(engine: scene.engine, cleanup: try scene.cleanup(name), control: control)
            var fence = ""
            _ = try await scan.runOnce(.now, fence: &fence)
            _ = try await Status.read(scene.engine)
        }
    }

    @Test("an answer for a change that is none of the call is none, whatever its number")
    func places() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            for number in ["-9223372036854775808", "-1", "0", "3", "9223372036854775807", "x"] {
                let reply = try await scene.send("ECHO", number)
                #expect(reply.place(among: 2) == nil)
            }
            let last = try await scene.send("ECHO", "2")
            #expect(last.place(among: 2) == 1)
        }
    }

    @Test("a server that tells a time of no calendar is not believed")
    func clock() {
        for time in [Int64.min, -1, 10_000_000_000_000, .max] { #expect(ServerClock.time(milliseconds: time) == nil) }
        #expect(ServerClock.time(milliseconds: 1_690_000_000_000)?.milliseconds == 1_690_000_000_000)
    }
}

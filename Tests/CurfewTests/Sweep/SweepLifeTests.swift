import Foundation
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What keeps records, and for how long: heartbeats and registries of workers beside them, times of their own, rules by type.
@Suite("sweep: signs of life and times of records", .tags(.ownServer), .everyTopology)
struct SweepLifeTests {
    private static func cleanup(_ more: String) -> String {
        """
        jobs: {policy: stuck, every: 1h, records: "job:<id>", index: due, states: [P], since: [at], timeout: 5m, to: F, \(more)}
        """
    }

    private func job(_ scene: SweepScene, _ id: String, age: Duration = .seconds(600), _ more: [String: String] = [:])
        async throws
    {
        let at = String((scene.began - age).milliseconds)
        try await scene.write(
            "job:\(id)", ["status": "P", "at": at, "worker": "w\(id)"].merging(more) { $1 }, index: "due", id: id)
    }

    private func status(_ scene: SweepScene, _ ids: String...) async throws -> [String] {
        var found: [String] = []
        for id in ids { found.append(try await scene.hash("job:\(id)")["status"] ?? "") }
        return found
    }

    @Test("a heartbeat in a hash keeps a job while it is fresh, and one that can't be read is an error")
    func heartbeatInHash() async throws {
        try await withSweepScene(Self.cleanup("alive: {key: beats, field: <worker>, within: 60s}")) { scene in
            for id in ["1", "2", "3", "4"] { try await job(scene, id) }
            _ = try await scene.send("HSET", "beats", "w1", String(scene.began.milliseconds / 1_000))
            _ = try await scene.send("HSET", "beats", "w2", String((scene.began - .seconds(90)).milliseconds))
            _ = try await scene.send("HSET", "beats", "w4", "lately")
            let result = try await scene.run("jobs")
            #expect(result.cleanedUp == 2 && result.errors.map(\.id) == ["4"])
            #expect(result.errors.first?.error.hasPrefix("w4 in beats is “lately”") == true)
            #expect(try await status(scene, "1", "2", "3", "4") == ["P", "F", "F", "P"])
        }
    }

    @Test("a heartbeat in a sorted set is its score")
    func heartbeatInZset() async throws {
        try await withSweepScene(Self.cleanup("alive: {in: beats, member: <worker>, within: 60s}")) { scene in
            for id in ["1", "2", "3"] { try await job(scene, id) }
            let now = Double(scene.began.milliseconds) / 1_000
            _ = try await scene.send("ZADD", "beats", String(now), "w1", String(now - 61), "w2")
            let result = try await scene.run("jobs")
            #expect(result.cleanedUp == 2 && result.failed == 0)
            #expect(try await status(scene, "1", "2", "3") == ["P", "F", "F"])
        }
    }

    @Test("a text that is a time, and a registry of any kind", arguments: ["text", "set", "zset", "list", "hash"])
    func others(kind: String) async throws {
        let sign = kind == "text" ? "{key: \"beat:<worker>\", within: 60s}" : "{in: workers, member: <worker>}"
        try await withSweepScene(Self.cleanup("alive: \(sign)")) { scene in
            for id in ["1", "2"] { try await job(scene, id) }
            switch kind {
            case "text": _ = try await scene.send("SET", "beat:w1", scene.began.iso8601)
            case "set": _ = try await scene.send("SADD", "workers", "w1")
            case "zset": _ = try await scene.send("ZADD", "workers", "7", "w1")
            case "list": _ = try await scene.send("RPUSH", "workers", "w0", "w1")
            default: _ = try await scene.send("HSET", "workers", "w1", "busy")
            }
            #expect(try await scene.run("jobs").cleanedUp == 1)
            #expect(try await status(scene, "1", "2") == ["P", "F"])
        }
    }

    @Test(
        "a worker that comes back between the look and the change keeps its job",
        arguments: [
            ["SADD", "workers", "w1"], ["RPUSH", "workers", "w1"], ["ZADD", "workers", "1", "w1"],
            ["HSET", "workers", "w1", "x"],
        ])
    func comesBack(command: [String]) async throws {
        try await withSweepScene(Self.cleanup("alive: {in: workers, member: <worker>}")) { scene in
            try await job(scene, "1")
            let redis = scene.redis
            let (result, _) = try await SweepRaceTests().interleaved("jobs", "1", scene) {
                _ = try await redis.send(RedisCommand(command[0], Array(command.dropFirst())))
            }
            guard case .moved = result else {
                Issue.record("expected it to have moved: \(result)")
                return
            }
            #expect(try await status(scene, "1") == ["P"])
        }
    }

    @Test("a heartbeat that comes between the look and the change keeps the job", arguments: [true, false])
    func beats(isHash: Bool) async throws {
        let sign = isHash ? "{key: beats, field: <worker>, within: 60s}" : "{in: beats, member: <worker>, within: 60s}"
        try await withSweepScene(Self.cleanup("alive: \(sign)")) { scene in
            try await job(scene, "1")
            let (old, new) = (String((scene.began - .seconds(90)).milliseconds), String(scene.began.milliseconds))
            func beat(_ time: String) -> RedisCommand {
                isHash ? RedisCommand("HSET", ["beats", "w1", time]) : RedisCommand("ZADD", ["beats", time, "w1"])
            }
            _ = try await scene.redis.send(beat(old))
            let (redis, next) = (scene.redis, beat(new))
            let (result, _) = try await SweepRaceTests().interleaved("jobs", "1", scene) {
                _ = try await redis.send(next)
            }
            guard case .moved = result else {
                Issue.record("expected it to have moved: \(result)")
                return
            }
        }
    }

    @Test("past its highest age a job ends though its worker lives, and is refunded")
    func maxAge() async throws {
        try await withSweepScene(Self.cleanup("heartbeat: beat, alive: \"hb:<worker>\", max-age: 6h")) { scene in
            let beat = ["beat": String(scene.began.milliseconds)]
            try await job(scene, "1", age: .seconds(7 * 3_600), beat)
            try await job(scene, "2", age: .seconds(5 * 3_600), beat)
            for worker in ["w1", "w2"] { _ = try await scene.send("SET", "hb:\(worker)", "1") }
            let result = try await scene.run("jobs")
            #expect(result.records.map(\.id) == ["1"])
            #expect(result.records.first?.reason.contains("max-age 6h, however lively") == true)
            #expect(try await scene.hash("job:1")["error"]?.hasSuffix("(max-age 6h)") == true)
            // The other is looked at again when it will be too old, at the latest.
            let next = try #require(try await scene.score("2", in: "due"))
            #expect(next <= (scene.began + .seconds(3_600)).milliseconds)
        }
    }

    @Test("a job says itself how long it may take, and a run with another timeout looks at all of them")
    func own() async throws {
        try await withSweepScene(
            Self.cleanup("timeout: 1m").replacing("timeout: 5m, ", with: "")
                .replacing("timeout: 1m", with: "timeout: {field: limit, unit: s, default: 5m}")
        ) { scene in
            try await job(scene, "1", ["limit": "900"])
            try await job(scene, "2", ["limit": "599.5"])
            try await job(scene, "3")
            try await job(scene, "4", ["limit": "-3"])
            let result = try await scene.run("jobs")
            #expect(result.cleanedUp == 2 && result.errors.map(\.id) == ["4"])
            #expect(try await status(scene, "1", "2", "3", "4") == ["P", "F", "F", "P"])
            try await job(scene, "5", age: .seconds(60), ["limit": "864000"])
            _ = try await scene.run("jobs")
            let later = try await scene.run(try scene.cleanup("jobs"), timeout: .seconds(30))
            #expect(later.cleanedUp == 3 && later.failed == 0)
            #expect(try await status(scene, "1", "4", "5") == ["F", "F", "F"])
        }
    }

    @Test("each type ends, is retried and refunded by its own rules")
    func types() async throws {
        let rules = """
            retry: {limit: 1, to: Q}, refund: {amount: cost, balance: "user:<user>", ledger: "paid:<user>"}, \
            types: {by: tier, BIG: {timeout: 20m}, ONCE: {retry: none, to: EXPIRED}, \
            FREE: {retry: none, refund: none}, DEAR: {retry: none, refund: {amount: price, balance: "team:<user>", \
            ledger: "paid:<user>"}}}
            """
        try await withSweepScene(Self.cleanup(rules)) { scene in
            for tier in ["BIG", "ONCE", "FREE", "DEAR", "PLAIN"] {
                try await job(scene, tier, ["tier": tier, "user": "u", "cost": "5", "price": "7"])
            }
            let result = try await scene.run("jobs")
            #expect(result.failed == 0 && result.retried == 1 && result.cleanedUp == 4)
            let found = try await status(scene, "BIG", "ONCE", "FREE", "DEAR", "PLAIN")
            #expect(found == ["P", "EXPIRED", "F", "F", "Q"])
            #expect(try await scene.text("user:u") == "5")
            #expect(try await scene.text("team:u") == "7")
        }
    }

    @Test("locks and history go by type, and by what they say themselves")
    func lockAndHistory() async throws {
        let cleanups = """
            locks: {policy: locks, every: 1h, records: "lock:<id>", index: locks, since: at, timeout: {field: ttl, unit: s, default: 5m}, types: {by: kind, LONG: {timeout: 1h}}}
            old: {policy: retention, every: 1h, records: "doc:<id>", index: docs, since: at, keep: {field: days, unit: d, default: 30d}, types: {by: kind, SHORT: {keep: 1h}}, guard: off}
            """
        try await withSweepScene(cleanups) { scene in
            let at = String((scene.began - .seconds(600)).milliseconds)
            for (id, more) in [("a", [:]), ("b", ["ttl": "700"]), ("c", ["kind": "LONG"]), ("d", ["ttl": "500"])] {
                try await scene.write("lock:\(id)", ["at": at].merging(more) { $1 }, index: "locks", id: id)
            }
            #expect(try await scene.run("locks").records.map(\.id).sorted() == ["a", "d"])
            let old = String((scene.began - .seconds(3 * 86_400)).milliseconds)
            for (id, more) in [("a", [:]), ("b", ["days": "2.5"]), ("c", ["kind": "SHORT"]), ("d", ["days": "7"])] {
                try await scene.write("doc:\(id)", ["at": old].merging(more) { $1 }, index: "docs", id: id)
            }
            #expect(try await scene.run("old").records.map(\.id).sorted() == ["b", "c"])
        }
    }
}

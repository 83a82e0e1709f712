import Foundation
import Policies
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Whether something still goes on.
private final class Flag: Sendable {
    private let state = Mutex(true)
    var isSet: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// Members that move while a sweep is at work: the app moves them between any two steps, and no job is lost or doubled.
@Suite("sweep: races in registries", .tags(.ownServer), .timeLimit(.minutes(5)))
struct SweepRegistryRaceTests {
    private static let kinds = ["list", "set", "zset", "hash"]
    private static let file = """
        stuck:
          policy: stuck
          every: 1h
          in: active
          record: job:<id>
          since: [startedAt]
          timeout: 1m
          retry: {limit: 100, put: [{to: waiting, kind: list, at: tail}]}
          fail: {put: [{to: waiting, kind: list, at: tail}]}
        """

    /// What an application does in one step: it takes a job up, or ends it.
    private static func script(_ kind: String) -> String {
        let (enter, leave) =
            switch kind {
            case "list": ("redis.call('LPUSH', KEYS[1], id)", "redis.call('LREM', KEYS[1], 0, id)")
            case "set": ("redis.call('SADD', KEYS[1], id)", "redis.call('SREM', KEYS[1], id)")
            case "zset": ("redis.call('ZADD', KEYS[1], ARGV[2], id)", "redis.call('ZREM', KEYS[1], id)")
            default: ("redis.call('HSET', KEYS[1], id, ARGV[2])", "redis.call('HDEL', KEYS[1], id)")
            }
        return """
            local id = redis.call('LPOP', KEYS[2])
            if id then \(enter) end
            local id = ARGV[1]
            if \(leave) == 1 then redis.call('RPUSH', KEYS[2], id) end
            return 1
            """
    }

    @Test(
        "an app that moves members between reading and commit, thousands of times, loses none and doubles none",
        arguments: kinds)
    func moving(_ kind: String) async throws {
        try await withSweepScene(Self.file) { scene in
            let jobs = (0..<40).map { "j\($0)" }
            let old = "\((scene.began - .seconds(3_600)).milliseconds)"
            for job in jobs { try await scene.write("job:\(job)", ["startedAt": old]) }
            _ = try await scene.redis.send(RedisCommand("RPUSH", ["waiting"] + jobs))
            let isMoving = Flag()
            let app = Task {
                defer { isMoving.isSet = false }
                var random = SystemRandomNumberGenerator()
                for _ in 0..<2_000 {
                    let job = jobs[Int(random.next() % 40)]
                    _ = try await scene.send(
                        "EVAL", Self.script(kind), "2", "active", "waiting", job, String(random.next() % 1_000_000))
                }
            }
            var changed = 0
            while isMoving.isSet {
                let run = try await scene.run("stuck")
                #expect(run.failed == 0, "\(run)")
                changed += run.cleanedUp
            }
            try await app.value
            #expect(changed > 0)
            let active: [String] =
                switch kind {
                case "list": try await scene.send("LRANGE", "active", "0", "-1").elements.compactMap(\.string)
                case "set": try await scene.send("SMEMBERS", "active").elements.compactMap(\.string)
                case "zset": try await scene.members("active")
                default: try await scene.send("HKEYS", "active").elements.compactMap(\.string)
                }
            let waiting = try await scene.send("LRANGE", "waiting", "0", "-1").elements.compactMap(\.string)
            #expect((active + waiting).sorted() == jobs.sorted())
        }
    }

    @Test("a registry that is emptied or replaced while it is walked changes nothing that wasn't there at the commit")
    func replaced() async throws {
        try await withSweepScene(Self.file) { scene in
            let old = "\((scene.began - .seconds(3_600)).milliseconds)"
            for number in 0..<300 {
                try await scene.write("job:\(number)", ["startedAt": old])
                _ = try await scene.send("RPUSH", "active", "\(number)")
            }
            let app = Task {
                for _ in 0..<40 {
                    _ = try await scene.send("DEL", "active")
                    _ = try await scene.send("SADD", "active", "1", "2")
                    _ = try await scene.send("DEL", "active")
                }
            }
            for _ in 0..<20 { _ = try await scene.run("stuck") }
            try await app.value
            let waiting = try await scene.send("LRANGE", "waiting", "0", "-1").elements.compactMap(\.string)
            let counts = Dictionary(grouping: waiting) { $0 }.mapValues(\.count)
            // Only 1 and 2 were ever entered again.
            #expect(counts.allSatisfy { $0.value == 1 || ["1", "2"].contains($0.key) }, "\(counts)")
            #expect(try await scene.existing("active") == 0)
        }
    }
}

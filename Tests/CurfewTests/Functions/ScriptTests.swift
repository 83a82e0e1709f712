import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// The library as a script, on Redis 6.2: the way of everything that a sweep does, and what only a script meets.
@Suite("a server without functions", .tags(.ownServer), .timeLimit(.minutes(4)))
struct ScriptTests {
    private static let since = "1690000000"

    private func withOlder(_ body: (SweepScene) async throws -> Void) async throws {
        try await withSweepScene(Self.cleanups, program: try RedisServer.older, body)
    }

    private static let cleanups = """
        jobs: {policy: stuck, every: 1h, records: "job:<id>", index: jobs, states: [RUNNING], since: [at], timeout: 5m, to: FAILED, refund: {amount: cost, balance: "user:<u>:tokens", ledger: "user:<u>:refunds"}}
        old: {policy: retention, every: 1h, records: "old:<id>", index: olds, since: [at], keep: 1d}
        """

    /// Jobs that have been stuck for years, of one user.
    private func stick(_ count: Int, _ redis: RedisClient) async throws {
        for id in 1...count {
            try await redis.pipeline([
                RedisCommand("HSET", ["job:\(id)", "status", "RUNNING", "at", Self.since, "cost", "3", "u", "7"]),
                RedisCommand("ZADD", ["jobs", "1", "\(id)"]),
            ])
        }
    }

    @Test("a run claims, commits with refunds and events, and finishes; what is asked again is not paid again")
    func commits() async throws {
        try await withOlder { scene in
            try await stick(150, scene.redis)
            let result = try await scene.run("jobs")
            #expect(result.cleanedUp == 150 && result.tokensRefunded == 450)
            #expect(scene.engine.functions.isByScript)
            #expect(try await scene.send("GET", "user:7:tokens").integer == 450)
            #expect(try await scene.send("ZCARD", "jobs").integer == 0)
            #expect(try await scene.send("XLEN", scene.engine.keys.events).integer == 150)
            #expect(try await scene.run("jobs").cleanedUp == 0)
        }
    }

    @Test("a script that the server has lost is loaded again, in the middle of whatever is under way")
    func lost() async throws {
        try await withOlder { scene in
            try await stick(1, scene.redis)
            let cleanup = try scene.cleanup("jobs")
            let (claim, clock) = try await scene.claim(cleanup, trigger: "manual", isDryRun: false)
            _ = try await scene.send("SCRIPT", "FLUSH")
            let run = Run(engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock)
            #expect(await run.execute().cleanedUp == 1)
        }
    }

    @Test("what is moved to the trash keeps the time at which it would have expired")
    func trash() async throws {
        try await withOlder { scene in
            let redis = scene.redis
            for (id, expiry) in [("kept", nil), ("short", "60000"), ("long", "9000000000")] as [(String, String?)] {
                try await redis.send(RedisCommand("HSET", ["old:\(id)", "at", Self.since]))
                if let expiry { try await redis.send(RedisCommand("PEXPIRE", ["old:\(id)", expiry])) }
                try await redis.send(RedisCommand("ZADD", ["olds", "1", id]))
            }
            #expect(try await scene.run("old").cleanedUp == 3)
            let trash = try await redis.send(RedisCommand("KEYS", ["curfew:trash:*"])).elements.compactMap(\.string)
            #expect(trash.count { $0.hasSuffix(":expires") } == 2 && trash.count == 5)
            for key in trash {
                let left = try #require(try await redis.send(RedisCommand("PTTL", [key])).integer)
                #expect(left > 0 && (!key.hasSuffix("{old:short}") || left <= 60_000))
            }
        }
    }

    @Test("full memory refuses commits as a whole, and neither ticks nor ends of runs")
    func full() async throws {
        try await withOlder { scene in
            try await stick(1, scene.redis)
            _ = try await scene.send("CONFIG", "SET", "maxmemory", "1")
            let result = try await scene.run("jobs")
            #expect(result.status == .failed && result.error?.contains("OOM ") == true, "\(result)")
            #expect(try await scene.send("HGET", "job:1", "status").string == "RUNNING")
            #expect(try await scene.send("XLEN", scene.engine.keys.runs).integer == 1)
        }
    }

    @Test("a right that is missing for a later write refuses the change whole")
    func rights() async throws {
        try await withOlder { scene in
            try await stick(1, scene.redis)
            _ = try await scene.send("ACL", "SETUSER", "default", "-incrby")
            let result = try await scene.run("jobs")
            #expect(result.cleanedUp == 0 && result.failed == 1)
            #expect(try await scene.send("HGET", "job:1", "status").string == "RUNNING")
            #expect(try await scene.send("EXISTS", "user:7:refunds").integer == 0)
        }
    }

    @Test("the doctor says what the server is and lacks, and finds nothing wrong with it")
    func doctor() async throws {
        try await withOlder { scene in
            let findings = await Doctor(engine: scene.engine).examine().findings
            let functions = try #require(findings.first { $0.check == "functions" })
            #expect(functions.state == .ok)
            #expect(functions.message.hasPrefix("this server has no functions (FUNCTION LOAD: ERR unknown command"))
            let version = try #require(findings.first { $0.check == "version" })
            #expect(version.state == .ok && version.message.hasPrefix("Redis 6.2."))
            #expect(version.message.contains("without functions, ACL DRYRUN, PEXPIRETIME"))
            #expect(!findings.contains { $0.state == .problem })
        }
    }

    @Test(
        "a server that should have functions and hasn't works as well, and is a problem to the doctor",
        .enabled(if: RedisServer.hasFunctions))
    func renamed() async throws {
        let renamed = ["FUNCTION", "FCALL", "FCALL_RO"].flatMap { ["--rename-command", $0, ""] }
        try await withServerAndClient(.unixSocket, arguments: renamed) { server, redis in
            let text =
                "redis: \(server.url)\ncleanups:\n" + Self.cleanups.split(separator: "\n").map { "  \($0)\n" }.joined()
            let configuration = try Configuration.parse(text, file: "test.yaml", environment: [:])
            let engine = Engine(configuration: configuration, redis: redis, logger: quietLogger)
            let answer = try await engine.coordinator.tick(beat: nil, places: 0, clock: try await engine.serverClock())
            #expect(answer.version == FunctionLibrary.version)
            let findings = await Doctor(engine: engine).examine().findings
            let functions = try #require(findings.first { $0.check == "functions" })
            #expect(functions.state == .problem && functions.message.contains("should have functions"))
        }
    }
}

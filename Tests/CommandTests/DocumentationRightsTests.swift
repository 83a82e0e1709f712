import Foundation
import RedisClient
import TestSupport
import Testing

@Suite("the documentation's rights")
struct DocumentationRightsTests {
    /// The command that the operating guide shows, on one line and for a password.
    static func rights() throws -> [String] {
        let page = try DocumentationPage(path: "\(DocumentationPage.catalogue)/Operating.md")
        let block = try #require(page.blocks.first { $0.lines.first?.hasPrefix("ACL SETUSER") == true })
        return block.lines.flatMap { $0.split(separator: " ").map { $0 == ">PASSWORD" ? ">secret" : String($0) } }
    }

    /// The example of the reference, for a server of our own.
    private static func example(port: Int) throws -> String {
        let page = try DocumentationPage(path: "\(DocumentationPage.catalogue)/ConfigurationReference.md")
        let block = try #require(page.blocks.last { $0.language == "yaml" })
        return block.lines.map { $0.hasPrefix("redis:") ? "redis: redis://curfew:secret@127.0.0.1:\(port)/1" : $0 }
            .joined(separator: "\n").replacing("${HOOK_SECRET}", with: "s")
    }

    /// A record for every way in which the example's cleanups change something.
    private static func prepare(_ redis: RedisClient, now: Int64) async throws {
        let start = "1700000000"
        let job = ["status", "PROCESSING", "processingStartedAt", start, "userId", "7", "tokensCost", "3"]
        let generation = ["status", "processing", "updated_at", start, "total_requested", "1", "queued", "9"]
        try await redis.pipeline([
            RedisCommand("SELECT", ["1"]),
            RedisCommand("HSET", ["job:failed"] + job + ["workerId", "w1"]),
            RedisCommand("SET", ["{curfew}:recoveries:stuck-jobs:failed", "\(now),\(now)"]),
            RedisCommand("HSET", ["job:retried"] + job),
            RedisCommand("ZADD", ["jobs:deadlines", "1", "failed", "1", "retried"]),
            RedisCommand("HSET", ["generation:1"] + generation),
            RedisCommand("SADD", ["generation:1:tasks", "1"]), RedisCommand("HSET", ["task:1", "status", "completed"]),
            RedisCommand("HSET", ["lock:generation:1", "acquired_at", start, "owner", "w1"]),
            RedisCommand("SELECT", ["0"]),
        ])
    }

    /// Calls of the program, and what their answers must contain.
    static let calls = [
        ("run stuck-jobs", "Cleaned up 2 of 2 stuck-jobs and refunded 3 tokens (1 retried)"),
        ("run stuck-generations", "Cleaned up 1 of 1"), ("run generation-locks", "Cleaned up 1 of 1"),
        ("pause stuck-jobs --why test", "paused"), ("resume stuck-jobs", "runs again"), ("status", "stuck-jobs"),
        ("preview", "Would clean up 0"), ("explain stuck-jobs failed", "final"), ("history", "completed"),
        ("events", "retry"), ("alerts", "threshold"), ("undo stuck-jobs-1", "Put back 2 of 2 records"),
        ("undo generation-locks-1", "Put back 1 of 1"), ("doctor", "permissions"),
    ]

    @Test("the file for servers has the rights of the operating guide, and a user who is switched off")
    func file() throws {
        let path = DocumentationPage.root.appendingPathComponent("Deploy/redis/curfew.acl")
        let text = try String(contentsOf: path, encoding: .utf8)
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        #expect(words.prefix(3) == ["user", "curfew", "off"] && !text.contains(">"))
        let rights = try Self.rights().dropFirst(5)
        #expect(Set(words.dropFirst(3)) == Set(rights))
    }

    @Test("the file for Sentinels has the rights that the page on them names")
    func sentinels() throws {
        let path = DocumentationPage.root.appendingPathComponent("Deploy/redis/sentinel.acl")
        let words = try String(contentsOf: path, encoding: .utf8).split(whereSeparator: \.isWhitespace).map(String.init)
        let page = try DocumentationPage(path: "\(DocumentationPage.catalogue)/Topologies.md")
        let text = page.lines.joined(separator: " ")
        #expect(words.prefix(4) == ["user", "curfew", "off", "-@all"])
        for right in words where right.hasPrefix("+") { #expect(text.contains(right)) }
    }

    @Test("the rights in the operating guide suffice for its commands and for every policy")
    func suffice() async throws {
        try await withServerAndClient { server, redis in
            let rights = try Self.rights()
            try await redis.send(RedisCommand(rights[0], Array(rights.dropFirst())))
            let now = try await redis.send(RedisCommand("TIME"))[0].integer ?? 0
            try await Self.prepare(redis, now: now * 1000)
            let file = "\(server.folder)/curfew.yaml"
            try Self.example(port: server.port).write(toFile: file, atomically: true, encoding: .utf8)
            for (line, says) in Self.calls {
                let arguments = line.components(separatedBy: " ") + ["--config", file]
                let ending = try await CurfewProgram.run(arguments, folder: server.folder)
                #expect(ending.code == 0 && ending.output.contains(says), "\(line): \(ending.output)")
                #expect(!ending.output.contains("unknown:"), "\(ending.output)")
            }
            let worker = try WorkerProcess(configuration: file, folder: server.folder)
            try await worker.ready()
            #expect(await worker.terminate() == 0)
            #expect(!worker.log.contains("NOPERM") && !worker.log.contains("warning"), "\(worker.log)")
            let refusals = try await redis.send(RedisCommand("ACL", ["LOG"]))
            #expect(refusals.count == 0)
        }
    }
}

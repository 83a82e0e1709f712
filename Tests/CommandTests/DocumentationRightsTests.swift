import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("the documentation's rights", .tags(.processes))
struct DocumentationRightsTests {
    /// The files with the rights, by the users in them.
    static let files = ["curfew": "curfew", "curfew-doctor": "doctor", "curfew-loader": "loading"]

    /// The command that the operating guide shows for a user, on one line and for a password.
    static func rights(of user: String = "curfew") throws -> [String] {
        let page = try DocumentationPage(path: "\(DocumentationPage.catalogue)/Operating.md")
        let block = try #require(page.blocks.first { $0.lines.first?.hasPrefix("ACL SETUSER \(user) ") == true })
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

    /// As an administrator does, with the user for it.
    static func load(_ server: RedisServer) async throws {
        let text = "\(server.folder)/library"
        let program = try CurfewProgram.path
        let line =
            "'\(program)' functions | redis-cli -p \(server.port) --user curfew-loader --pass secret -x FUNCTION LOAD REPLACE"
        let status = try await ChildProcess(["sh", "-c", line], output: text).wait()
        let said = try String(contentsOfFile: text, encoding: .utf8)
        #expect(status == 0, "\(said)")
    }

    /// Calls of the program, and what their answers must contain.
    static let calls = [
        ("run stuck-jobs", "Cleaned up 2 of 2 stuck-jobs and refunded 3 tokens (1 retried)"),
        ("run stuck-generations", "Cleaned up 1 of 1"), ("run generation-locks", "Cleaned up 1 of 1"),
        ("pause stuck-jobs --why test", "paused"), ("resume stuck-jobs", "is resumed"), ("status", "stuck-jobs"),
        ("preview", "Would clean up 0"), ("explain stuck-jobs failed", "final"), ("history", "completed"),
        ("events", "retry"), ("alerts", "threshold"), ("undo stuck-jobs-1", "Put back 2 of 2 records"),
        ("undo generation-locks-1", "Put back 1 of 1"),
    ]

    @Test(
        "the files for servers have the rights of the operating guide, and users who are switched off", arguments: files
    )
    func file(user: String, file: String) throws {
        let path = DocumentationPage.root.appendingPathComponent("Deploy/redis/\(file).acl")
        let text = try String(contentsOf: path, encoding: .utf8)
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        #expect(words.prefix(3) == ["user", user, "off"] && !text.contains(">"))
        let rights = try Self.rights(of: user).dropFirst(5)
        #expect(Set(words.dropFirst(3)) == Set(rights))
    }

    @Test("who runs may neither read passwords nor load functions, and who looks may write nothing")
    func least() throws {
        for right in ["+config|get", "+config", "+function|load", "+function", "+eval", "+acl|dryrun", "~*", "+@all"] {
            #expect(try !Self.rights().contains(right))
        }
        let looking = try Self.rights(of: "curfew-doctor")
        #expect(!looking.contains { $0.hasPrefix("~") || ["+fcall", "+set", "+hset", "+del", "+zadd"].contains($0) })
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

    @Test(
        "the rights in the operating guide suffice for its commands and for every policy",
        .enabled(if: RedisServer.hasFunctions))
    func suffice() async throws {
        try await withServerAndClient { server, redis in
            for user in Self.files.keys {
                let rights = try Self.rights(of: user)
                try await redis.send(RedisCommand(rights[0], Array(rights.dropFirst())))
            }
            try await Self.load(server)
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
            let looking = "\(server.folder)/doctor.yaml"
            try Self.example(port: server.port).replacing("//curfew:", with: "//curfew-doctor:")
                .write(toFile: looking, atomically: true, encoding: .utf8)
            let looked = try await CurfewProgram.run(
                ["doctor", "--rights-of", "curfew", "--config", looking], folder: server.folder)
            #expect(looked.code == 0 && !looked.output.contains("unknown:"), "\(looked.output)")
            #expect(looked.output.contains("user curfew has all"), "\(looked.output)")
            #expect(looked.output.contains("user curfew has no further permissions"), "\(looked.output)")
            let worker = try WorkerProcess(configuration: file, folder: server.folder)
            try await worker.ready()
            #expect(await worker.terminate() == 0)
            #expect(!worker.log.contains("NOPERM") && !worker.log.contains("warning"), "\(worker.log)")
            let refusals = try await redis.send(RedisCommand("ACL", ["LOG"]))
            #expect(refusals.count == 0)
        }
    }
}

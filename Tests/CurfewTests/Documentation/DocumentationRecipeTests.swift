import Curfew
import Foundation
import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("the documentation's recipes", .tags(.ownServer))
struct DocumentationRecipeTests {
    /// Puts in place what recipes speak of: the functions, and a lock in the trash.
    private static func prepare(_ redis: RedisClient) async throws {
        try await redis.send(RedisCommand("FLUSHALL"))
        try await FunctionLibrary(redis: redis, logger: Logger(label: "test")).load()
        try await redis.send(RedisCommand("SET", ["curfew:trash:generation-locks-3:{lock:generation:7}", "w1"]))
    }

    @Test("every line for redis-cli is one that a shell and Redis take", .enabled(if: RedisServer.hasFunctions))
    func recipes() async throws {
        try await withServerAndClient { server, redis in
            var count = 0
            for page in try DocumentationPage.all() {
                try await Self.prepare(redis)
                for recipe in page.calls(of: "redis-cli") {
                    // With -e an error of Redis is a failure of redis-cli; and nobody waits for alerts here.
                    let line = recipe.replacing("redis-cli ", with: "redis-cli -e -p \(server.port) ")
                        .replacing("BLOCK 0", with: "BLOCK 1")
                    let output = "\(server.folder)/recipe-\(count)"
                    let status = try await ChildProcess(["sh", "-c", line], output: output).wait()
                    let text = try String(contentsOfFile: output, encoding: .utf8)
                    #expect(status == 0, "\(page.path): \(recipe): \(text)")
                    count += 1
                }
            }
            #expect(count >= 30)
        }
    }
}

import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What is wrong with one cleanup hides nothing of the others.
    @Suite("a preview of all cleanups", .tags(.processes))
    struct PreviewOfAll {
        @Test("one that can't be previewed says why, the others are shown, and the exit code is 1")
        func oneIsOdd() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                _ = try await scene.redis.send(RedisCommand("ZADD", ["locks", "1795971783", "x"]))
                let all = try await scene.curfew("preview")
                #expect(all.code == 1, "\(all)")
                #expect(all.output.contains("Would clean up 1 of 1 stuck-jobs"), "\(all)")
                #expect(all.output.contains("old-locks failed: locks can't be an index of deadlines"), "\(all)")
                let one = try await scene.curfew("preview", "old-locks")
                #expect(one.code == 1 && one.errors.hasPrefix("curfew: locks can't be an index of deadlines"))
            }
        }
    }
}

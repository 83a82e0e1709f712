import Logging
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// The race that cost the users of others their finished jobs, over and over.
@Suite("sweep: an app that finishes its jobs while they are swept", .tags(.ownServer), .everyTopology)
struct SweepRoundsTests {
    /// Finishes a job as an app does that takes care, only where it is still its own, and says whether it was.
    private static let finish = """
        if redis.call('HGET', KEYS[1], 'status') ~= 'PROCESSING' then return 0 end
        redis.call('HSET', KEYS[1], 'status', 'COMPLETED')
        return 1
        """

    /// The app, on a connection of its own: it finishes jobs in the order in which they are swept, a little ahead or
    /// behind, until there are no more.
    private func app(_ scene: SweepScene, count: Int, step: Int) async throws -> Set<Int> {
        try await RedisClient.withClient(scene.configuration, logger: Logger(label: "app")) { redis in
            var finished: Set<Int> = []
            for start in stride(from: 1, through: count, by: step) {
                let ids = (start..<min(start + step, count + 1)).filter { $0 % 3 != 0 }
                let replies = try await redis.pipeline(
                    ids.map { RedisCommand("EVAL", [Self.finish, "1", "job:\($0)"]) })
                for (id, reply) in zip(ids, replies) where reply.integer == 1 { finished.insert(id) }
            }
            return finished
        }
    }

    //     sweep                             app
    //     HMGET job:1 … job:64: all stuck
    //                                       job:7 → COMPLETED
    //     FCALL curfew_commit               job:70 → COMPLETED
    //     job:7 is skipped, the others FAILED
    //
    @Test("none that was completed ever becomes failed", .timeLimit(.minutes(5)))
    func rounds() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            var (skipped, raced, rounds) = (0, 0, 0)
            let count = 3_000
            while (skipped < 100 || raced < 1_000) && rounds < 60 {
                rounds += 1
                try await scene.flush()
                try await SweepLimitTests.fill(scene, count)
                // Another rhythm each round, so that they meet at other places.
                let step = 3 + rounds * 5 % 41
                async let app = app(scene, count: count, step: step)
                let result = try await scene.run("stuck-jobs")
                let finished = try await app
                raced += finished.count
                skipped += result.skipped

                #expect(result.failed == 0 && result.status == .completed)
                #expect(result.cleanedUp + finished.count == count)
                try await check(scene, count: count, finished: finished, refunded: result.tokensRefunded.whole ?? 0)
            }
            #expect(skipped > 0, "they never met in \(rounds) rounds")
        }
    }

    private func check(_ scene: SweepScene, count: Int, finished: Set<Int>, refunded: Int64) async throws {
        let reads = (1...count).map { RedisCommand("HGET", ["job:\($0)", "status"]) }
        let statuses = try await scene.redis.pipeline(reads)
        var expected: Int64 = 0
        var wrong: [Int] = []
        for (place, status) in statuses.enumerated() {
            let isCompleted = finished.contains(place + 1)
            if !isCompleted { expected += Int64(1 + (place + 1) % 7) }
            if status.string != (isCompleted ? "COMPLETED" : "FAILED") { wrong.append(place + 1) }
        }
        #expect(wrong.isEmpty, "in a wrong state: \(wrong)")
        var balances: Int64 = 0
        for user in 0..<10 { balances += Int64(try await scene.text("user:u\(user):tokens") ?? "0") ?? 0 }
        #expect(balances == expected && refunded == expected)
        let events = try await scene.stream(scene.keys.events).compactMap { $0["record"] }
        #expect(events.count == count - finished.count && finished.isDisjoint(with: events.compactMap { Int($0) }))
    }
}

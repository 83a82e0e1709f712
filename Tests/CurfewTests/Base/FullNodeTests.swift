import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Nodes of a Cluster without memory left, all of them or one, before a run or in its middle.
@Suite("full memory: nodes", .tags(.cluster), .timeLimit(.minutes(5)))
struct FullNodeTests {
    private static let old = """
        old: {policy: retention, every: 5m, records: "old:<id>", index: olds, states: [done], since: [at], keep: 1d,
          guard: off, also: ["log:<id>"]}
        """

    private struct Cut: Error {}

    private func write(_ count: Int, _ scene: SweepScene) async throws {
        let at = String((scene.began - .seconds(864_000)).milliseconds)
        for id in 1...count {
            try await scene.write("old:\(id)", ["status": "done", "at": at], index: "olds", id: "\(id)")
            _ = try await scene.send("SET", "log:\(id)", "lines")
        }
    }

    private func stick(_ count: Int, _ scene: SweepScene) async throws {
        for id in 1...count {
            let job = SweepStuckTests.job(.milliseconds, started: scene.began - .seconds(600))
            try await scene.write("job:\(id)", job, index: "jobs:deadlines", id: "\(id)")
        }
    }

    private func fill(_ member: RedisCluster.Member, _ cluster: RedisCluster, _ bytes: Int = 1) async throws {
        try await cluster.send(RedisCommand("CONFIG", ["SET", "maxmemory", String(bytes)]), to: member)
    }

    @Test("what a run has begun before memory ran out is finished all the same", arguments: Saga.Stage.allCases)
    func begun(stage: Saga.Stage) async throws {
        try await EveryTopology.$isCluster.withValue(true) {
            try await withSweepScene(Self.old) { scene in
                try await write(6, scene)
                let first = try await Saga.$cut.withValue({ if $0 == stage { throw Cut() } }) {
                    try await scene.run("old")
                }
                #expect(first.status == .failed, "\(first)")
                try await scene.fill()
                let result = try await scene.run("old")
                #expect(result.status == .completed, "\(stage): \(result)")
                #expect(try await scene.names("old:*").isEmpty, "\(stage)")
                #expect(try await scene.names("log:*").isEmpty, "\(stage)")
                #expect(try await scene.members("olds").isEmpty)
                #expect(try await scene.stream(scene.keys.events).count == 6)
                #expect(try await scene.names("curfew:pending:*").isEmpty, "\(stage)")
                #expect(try await scene.existing(scene.keys.saga("old")) == 0)
            }
        }
    }

    @Test("one full node: its jobs are errors, and those of the others are changed, refunded and told")
    func oneNode() async throws {
        try await withClusterSweep(SweepCleanups.stuck + "\n  guard: off", primaries: 4) { cluster, scene in
            try await stick(30, scene)
            try await scene.engine.functions.load()
            // Neither Curfew's own keys nor what is paid are there.
            let home = [
                try await cluster.owner(of: scene.keys.events), try await cluster.owner(of: "user:u1:tokens"),
                try await cluster.owner(of: "user:u1:refunds"), try await cluster.owner(of: "jobs:deadlines"),
            ].map(\.identifier)
            guard let full = cluster.members.first(where: { !home.contains($0.identifier) }) else {
                Issue.record("every node has some of these keys")
                return
            }
            var there = 0
            for id in 1...30 where try await cluster.owner(of: "job:\(id)").identifier == full.identifier { there += 1 }
            try await fill(full, cluster)

            let result = try await scene.run("stuck-jobs")
            #expect(result.status == .completedWithErrors, "\(result)")
            #expect(result.failed == there && result.cleanedUp == 30 - there, "\(result)")
            #expect(result.errors.allSatisfy { $0.error.hasPrefix("OOM ") && $0.error.contains("raise maxmemory") })

            try await fill(full, cluster, 0)
            let second = try await scene.run("stuck-jobs")
            #expect(second.status == .completed && second.cleanedUp == there, "\(second)")
            #expect(try await scene.text("user:u1:tokens") == "300")
            #expect(try await scene.stream(scene.keys.events).count { $0["action"] == "fail" } == 30)
        }
    }

    // sweep                             the balances' node
    // looks at the balances
    //                                   runs out of memory
    // FAILED, but nothing can be paid
    @Test(
        "memory that runs out in the middle of a change leaves it unfinished, and each is paid once when there is some")
    func inTheMiddle() async throws {
        try await EveryTopology.$isCluster.withValue(true) {
            try await withSweepScene(SweepCleanups.stuck) { scene in
                try await stick(5, scene)
                let fill: @Sendable (Saga.Stage) async throws -> Void = { stage in
                    if stage == .changed { try await scene.fill() }
                }
                let first = try await Saga.$cut.withValue(fill) { try await scene.run("stuck-jobs") }
                #expect(first.status == .completedWithErrors && first.failed == 5, "\(first)")
                #expect(first.errors.first?.error.contains("not everything that follows could be written: OOM") == true)
                let second = try await scene.run("stuck-jobs")
                #expect(second.failed == 5 && second.cleanedUp == 0, "\(second)")
                #expect(try await scene.text("user:u1:tokens") == nil)

                try await scene.fill(0)
                let third = try await scene.run("stuck-jobs")
                #expect(third.status == .completed && third.cleanedUp == 5 && third.tokensRefunded == 50, "\(third)")
                #expect(try await scene.text("user:u1:tokens") == "50")
                #expect(try await scene.stream(scene.keys.events).count { $0["action"] == "fail" } == 5)
                #expect(try await scene.names("curfew:pending:*").isEmpty)
            }
        }
    }
}

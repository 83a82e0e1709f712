import Foundation
import RedisClient
import Synchronization
import TestSupport
import Testing

/// Runs each test of a suite twice: on a single server, and on a Cluster of three primaries; only the former where the
/// quick tests are asked for.
struct EveryTopology: TestTrait, SuiteTrait, TestScoping {
    /// Whether scenes are on a Cluster now.
    @TaskLocal static var isCluster = false

    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await function()
        // A Cluster of servers without functions isn't tried.
        guard RedisServer.hasFunctions, ProcessInfo.processInfo.environment["CURFEW_QUICK"] == nil else { return }
        try await Self.$isCluster.withValue(true) { try await function() }
    }
}

/// Runs each test of a suite on a Cluster alone.
struct OnlyCluster: TestTrait, SuiteTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await EveryTopology.$isCluster.withValue(true) { try await function() }
    }
}

extension Trait where Self == EveryTopology {
    static var everyTopology: EveryTopology { EveryTopology() }
}

extension Trait where Self == OnlyCluster {
    static var onlyCluster: OnlyCluster { OnlyCluster() }
}

/// Clusters for the scenes of a test process, which are borrowed and given back, since starting one takes longer than
/// most tests.
///
/// Nobody else uses a Cluster meanwhile, so that there are as many as scenes at once. They die with the process.
enum SharedClusters {
    private static let idle = Mutex<[RedisCluster]>([])

    /// Runs a body with a Cluster that has nothing in it.
    ///
    /// One on which something failed isn't used again.
    static func withEmptied(_ body: (RedisCluster) async throws -> Void) async throws {
        let cluster: RedisCluster
        if let last = idle.withLock({ $0.popLast() }) {
            cluster = last
        } else {
            cluster = try await RedisCluster.start()
        }
        try await empty(cluster)
        do {
            try await body(cluster)
        } catch {
            await cluster.kill()
            throw error
        }
        idle.withLock { $0.append(cluster) }
    }

    private static func empty(_ cluster: RedisCluster) async throws {
        for member in cluster.members {
            try await RedisClient.withClient(member.server.configuration, logger: quietLogger) { client in
                _ = try await client.pipeline([
                    RedisCommand("FLUSHALL"), RedisCommand("FUNCTION", ["FLUSH"]),
                    RedisCommand("CONFIG", ["SET", "maxmemory", "0"]),
                ])
            }
        }
    }
}

import Foundation
import Logging
import RedisClient
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

/// One Cluster for all scenes of a test process, since starting one takes longer than most tests; it dies with the process.
enum SharedCluster {
    private static let starting = Task { try await RedisCluster.start() }

    /// The Cluster with nothing in it.
    static func emptied() async throws -> RedisCluster {
        let cluster = try await starting.value
        for member in cluster.members {
            try await RedisClient.withClient(member.server.configuration, logger: Logger(label: "test")) { client in
                _ = try await client.pipeline([
                    RedisCommand("FLUSHALL"), RedisCommand("FUNCTION", ["FLUSH"]),
                    RedisCommand("CONFIG", ["SET", "maxmemory", "0"]),
                ])
            }
        }
        return cluster
    }
}

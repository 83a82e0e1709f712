import Policies
import RedisClient
import TestSupport

@testable import Curfew

/// Runs a body on a private cluster with an engine on it; the text is what a configuration says under `cleanups`.
func withClusterSweep(
    _ cleanups: String, settings: String = "", primaries: Int = 3, replicas: Int = 0,
    _ body: (RedisCluster, SweepScene) async throws -> Void
) async throws {
    try await withClusterAndClient(primaries: primaries, replicas: replicas) { cluster, _ in
        let indented = cleanups.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
        let text = "redis: \(cluster.url)\n\(settings)\ncleanups:\n\(indented)\n"
        let configuration = try Configuration.parse(text, file: "test.yaml", environment: [:])
        try await RedisClient.withClient(configuration.redis, logger: quietLogger) { redis in
            let engine = Engine(
                configuration: configuration, redis: redis, instance: Instance(id: "test-1"), logger: quietLogger)
            let began = try await engine.serverClock().now
            let server = cluster.members[0].server
            try await body(cluster, SweepScene(server: server, redis: redis, engine: engine, began: began))
        }
    }
}

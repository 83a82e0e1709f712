import Curfew
import Foundation
import Hummingbird
import HummingbirdTesting
import Logging
import ServiceLifecycle
import Shop
import Testing

@Suite("the shop")
struct ShopTests {
    @Test("a job of a worker that died is tried again, then failed and refunded")
    func jobs() async throws {
        let server = try TestRedis()
        defer { server.stop() }
        try await server.ready()
        let redis = ShopRedis(port: server.port)
        try await redis.send("SET", "user:7:tokens", "100")
        let configuration = ShopCleanups.configuration(redis: "redis://127.0.0.1:\(server.port)/0")
        #expect(configuration.validate().isEmpty)
        try await CurfewClient.withClient(configuration) { curfew in
            let shop = Shop(redis: redis, curfew: curfew)
            try await Application(router: shop.router).test(.router) { client in
                try await client.execute(
                    uri: "/jobs", method: .post, body: ByteBuffer(string: #"{"userId":"7","cost":30}"#)
                ) { #expect($0.status == .accepted) }
                #expect(try await redis.send("GET", "user:7:tokens") == .text("70"))
                try await Self.die(1, redis)
                try await client.execute(uri: "/jobs/stuck", method: .get) { response in
                    #expect(String(buffer: response.body).contains(#""action":"retry""#))
                }
                let first = try await curfew.run("stuck-jobs")
                #expect(first.retried == 1)
                #expect(try await redis.send("HGET", "job:1", "status") == .text("QUEUED"))
                try await Self.die(1, redis)
                let second = try await curfew.cleanupStuckJobs()
                #expect(second.cleanedUp == 1 && second.tokensRefunded == 30)
                #expect(try await redis.send("GET", "user:7:tokens") == .text("100"))
                try await client.execute(uri: "/health", method: .get) { response in
                    #expect(response.status == .serviceUnavailable, "no worker lives")
                }
            }
            var actions: [String] = []
            for try await event in curfew.events(after: .beginning) where !event.record.isEmpty {
                actions.append(event.action)
                if actions.count == 2 { break }
            }
            #expect(actions == ["retry", "fail"])
        }
    }

    @Test("a worker in a service group does it by itself, and ends with the group")
    func worker() async throws {
        try await Self.withStuckJob { server, redis in
            let configuration = ShopCleanups.configuration(redis: "redis://127.0.0.1:\(server.port)/0")
            let logger = Logger(label: "shop")
            let worker = try CurfewWorker(configuration, logger: logger)
            let group = ServiceGroup(configuration: .init(services: [.init(service: worker)], logger: logger))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                try await CurfewClient.withClient(configuration) { curfew in
                    for try await event in curfew.events(after: .beginning) where event.action == "retry" {
                        #expect(event.record == "1")
                        break
                    }
                    #expect(try await curfew.status().instances.contains { $0.id == worker.name && $0.isAlive })
                }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }

    @Test("the program of ten lines says what it would clean up, and changes nothing")
    func program() async throws {
        try await Self.withStuckJob { server, redis in
            try server.write(
                """
                redis: redis://127.0.0.1:\(server.port)/0
                cleanups:
                  stuck-jobs:
                    policy: stuck
                    every: 15m
                    records: job:<id>
                    index: jobs:deadlines
                    states: [PROCESSING]
                    since: [startedAt]
                    timeout: 5m
                    to: FAILED
                    refund: {amount: cost, balance: user:<userId>:tokens, ledger: user:<userId>:refunds}
                """, to: "curfew.yaml")
            #expect(try server.output(of: "CleanUpJobs").hasSuffix("Cleaned up 1 jobs, refunded 30 tokens\n"))
            #expect(try await redis.send("HGET", "job:1", "status") == .text("PROCESSING"))
        }
    }

    /// A Redis with a job that a worker has died over.
    private static func withStuckJob(_ body: (TestRedis, ShopRedis) async throws -> Void) async throws {
        let server = try TestRedis()
        defer { server.stop() }
        try await server.ready()
        let redis = ShopRedis(port: server.port)
        try await redis.send("HSET", "job:1", "status", "QUEUED", "userId", "7", "cost", "30")
        try await Self.die(1, redis)
        try await body(server, redis)
    }

    /// A worker has taken the job an hour ago and died.
    private static func die(_ id: Int, _ redis: ShopRedis) async throws {
        let began = Int(Date().timeIntervalSince1970 - 3_600) * 1_000
        try await redis.send("HSET", "job:\(id)", "status", "PROCESSING", "startedAt", String(began))
        try await redis.send("ZADD", "jobs:deadlines", String(began + 300_000), String(id))
    }
}

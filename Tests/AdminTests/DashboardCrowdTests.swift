import Curfew
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import NIOPosix
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Admin

/// Many browsers on one instance, each with a socket of its own.
@Suite("Dashboard: many open pages", .tags(.ownServer))
struct DashboardCrowdTests {
    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// What the open pages have been sent so far.
    private final class Audience: Sendable {
        private let counts = Mutex<[String: Int]>([:])

        func heard(_ sign: String) { counts.withLock { $0[sign, default: 0] += 1 } }

        func count(of sign: String) -> Int { counts.withLock { $0[sign, default: 0] } }
    }

    private static func open(port: Int, receiveBuffer: Int? = nil) async throws -> Connection {
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        return try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try Connection(wrappingChannelSynchronously: channel)
            }
        }
    }

    private static func request(_ page: String) -> ByteBuffer {
        let token = "Authorization: Bearer \(AdminScene.viewer)"
        return ByteBuffer(string: "GET /live?page=\(page) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(token)\r\n\r\n")
    }

    /// Keeps a page open, and tells of each sign when it first arrives, until the last of them has.
    private static func watch(
        _ page: String, port: Int, for signs: [String], _ audience: Audience
    ) async throws {
        try await open(port: port).executeThenClose { inbound, outbound in
            try await outbound.write(request(page))
            var end = ByteBuffer()
            var missing = signs[...]
            for try await part in inbound {
                end.writeImmutableBuffer(part)
                while let sign = missing.first, end.readableBytesView.firstRange(of: Array(sign.utf8)) != nil {
                    audience.heard(sign)
                    missing = missing.dropFirst()
                }
                if missing.isEmpty { return }
                // Enough to find a sign that comes in two pieces; all of it would take ever longer to look through.
                end = ByteBuffer(bytes: end.readableBytesView.suffix(100))
            }
        }
    }

    private func commands(_ scene: AdminScene) async throws -> Int {
        let info = try await scene.send("INFO", "stats")
        return try #require(info.infoField("total_commands_processed").flatMap { Int($0) })
    }

    private func connections(_ scene: AdminScene) async throws -> Int {
        let list = try #require(try await scene.send("CLIENT", "LIST").string)
        return list.split(separator: "\n").count
    }

    @Test("two hundred open dashboards cost one connection and one reading at a time", .timeLimit(.minutes(5)))
    func crowd() async throws {
        let pages = 200
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                let port = try #require(client.port)
                _ = try await client.ask(.get, "/")
                let before = try await commands(scene)
                _ = try await client.ask(.get, "/")
                let reading = try await commands(scene) - before
                let connections = try await connections(scene)
                let audience = Audience()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<pages {
                        group.addTask {
                            try await Self.watch("overview", port: port, for: ["event: parts", "because"], audience)
                        }
                    }
                    try await eventually("every page has its parts") { audience.count(of: "event: parts") == pages }
                    // On a busy machine one may just be opened anew; the pages bring none.
                    #expect(try await self.connections(scene) <= connections + 2)
                    let (begin, start) = (try await self.commands(scene), ContinuousClock.now)
                    _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/pause", "{\"why\": \"because\"}")
                    try await group.waitForAll()
                    let readings = Int(start.duration(to: .now) / .seconds(2)) + 2
                    // The pause itself takes some commands too.
                    let spent = try await self.commands(scene) - begin
                    #expect(spent <= readings * reading + 100, "\(readings) readings of \(reading) commands each")
                }
                #expect(audience.count(of: "because") == pages)
            }
        }
    }

    @Test("a browser that takes nothing is cut off over a socket too, and the others go on", .timeLimit(.minutes(4)))
    func slow() async throws {
        try await withAdmin { scene in
            let service = AdminService(source: scene.source)
            let access = Access(source: scene.source)
            let dashboard = Dashboard(service: service, access: access, interval: .milliseconds(20))
            let router = AdminRouter.make(
                service, access, dashboard, connections: Connections(logger: scene.engine.logger))
            try await Application(router: router, services: [dashboard]).test(.live) { client in
                let port = try #require(client.port)
                let page = "cleanup%3Astuck-jobs"
                let audience = Audience()
                async let quick: Void = Self.watch(page, port: port, for: ["event: parts", "because"], audience)
                try await eventually("the quick one has its parts") { audience.count(of: "event: parts") == 1 }
                try await Self.open(port: port, receiveBuffer: 4_096).executeThenClose { _, outbound in
                    try await outbound.write(Self.request(page))
                    try await eventually("both are watching") { dashboard.feed.watcherCount == 2 }
                    try await eventually("the one that takes nothing is cut off", within: .seconds(110)) {
                        try await change(scene)
                        return dashboard.feed.watcherCount == 1
                    }
                }
                _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/pause", "{\"why\": \"because\"}")
                try await quick
                #expect(audience.count(of: "because") == 1)
            }
        }
    }

    /// A change of which a page shows some 30 KB.
    private func change(_ scene: AdminScene) async throws {
        let fields = (0..<40).map { "\"field\($0)\":\"\(String(repeating: "x", count: 250))\"" }
        try await scene.send(
            "XADD", scene.engine.keys.events, "*", "run", "stuck-jobs-1", "cleanup", "stuck-jobs", "record",
            "a\(UInt32.random(in: .min ... .max))",
            "action", "remove", "before", "{\(fields.joined(separator: ","))}")
    }
}

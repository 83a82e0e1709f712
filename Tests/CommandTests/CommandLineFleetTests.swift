import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// `status` and `watch` with more cleanups and instances than a screen has lines.
    @Suite("a fleet", .tags(.processes))
    struct Fleet {
        private static let count = 300

        private func withFleet(_ body: (CommandLineScene) async throws -> Void) async throws {
            let cleanups = (0..<Self.count).map { number in
                "  cleanup-\(number): {policy: locks, every: 1h, records: \"lock\(number):<id>\", index: \"locks\(number)\", "
                    + "since: [at], timeout: 3h}\n"
            }
            try await withCommandLine("cleanups:\n" + cleanups.joined()) { scene in
                let now = try #require(try await scene.redis.send(RedisCommand("TIME"))[0].integer) * 1_000
                var commands: [RedisCommand] = []
                for number in 0..<Self.count {
                    let due = number == 250 ? now - 3_600_000 : now + 3_600_000
                    commands += [
                        RedisCommand("ZADD", ["{curfew}:schedule", String(due), "cleanup-\(number)"]),
                        RedisCommand("ZADD", ["{curfew}:instances", String(now), "web-\(number)"]),
                    ]
                    let fields = ["host", "web", "version", "1.0.0", "config", "c", "running", ""]
                    if number != 7 {
                        commands.append(RedisCommand("HSET", ["{curfew}:instance:web-\(number)"] + fields))
                    }
                }
                for reply in try await scene.redis.pipeline(commands) { #expect(reply.error == nil) }
                try await body(scene)
            }
        }

        @Test("status shows what needs attention, and how many of the rest there are; --all and --json have everything")
        func status() async throws {
            try await withFleet { scene in
                let short = try await scene.curfew("status")
                let lines = short.output.split(separator: "\n")
                #expect(short.code == 0 && lines.count < 60, "\(short.output)")
                #expect(lines.contains { $0.hasPrefix("cleanup-250 ") && $0.contains("overdue") })
                #expect(lines.contains("299 more cleanups: 299 scheduled"))
                #expect(
                    lines.contains("gone: web-7") && lines.contains { $0.hasPrefix("299 ") && $0.contains("1.0.0") })
                #expect(lines.last?.contains("--all") == true)
                let all = try await scene.curfew("status", "--all")
                for name in ["cleanup-299 ", "web-299 "] {
                    #expect(all.output.split(separator: "\n").contains { $0.hasPrefix(name) }, "\(name)")
                }
                let json = try await scene.curfew("status", "--json").object()
                #expect((json["cleanups"] as? [Any])?.count == Self.count)
                #expect((json["instances"] as? [Any])?.count == Self.count)
            }
        }
    }
}

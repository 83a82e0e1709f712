import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// A record's id is bytes, on the command line as well as in what it answers.
    @Suite("bytes", .tags(.processes))
    struct Bytes {
        @Test("an id is explained by its bytes, and shown as text that a terminal can't be tricked with")
        func explain() async throws {
            try await withCommandLine { scene in
                for id in ["caf\u{E9}", "cafe\u{301}", ByteText.held([0x66, 0xE9]), "turn\u{202E}ed"] {
                    try await scene.job(id, age: 600)
                }
                _ = try await scene.redis.send(RedisCommand("HSET", ["job:cafe\u{301}", "status", "DONE"]))
                let one = try await scene.curfew("explain", "stuck-jobs", "caf\u{E9}", "--json").object()
                let other = try await scene.curfew("explain", "stuck-jobs", "cafe\u{301}", "--json").object()
                #expect(one["verdict"] as? String == "fail" && other["verdict"] as? String != "fail")
                #expect((other["id"] as? String).map { Array($0.utf8) } == Array("cafe\u{301}".utf8))
                let shown = try await scene.curfew("preview", "stuck-jobs")
                #expect(shown.output.contains("f\u{FFFD} "))
                #expect(!shown.output.unicodeScalars.contains("\u{202E}"))
                // Columns are as wide as what is shown in them.
                let rows = shown.output.split(separator: "\n").filter { $0.contains("PROCESSING") }
                let columns = rows.map { $0.split(separator: "fail", maxSplits: 1)[0].count }
                #expect(rows.count == 3 && Set(columns).count == 1)
                let result =
                    try await scene.curfew("preview", "stuck-jobs", "--json").object()["result"] as? [String: Any]
                let ids = (result?["records"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
                #expect(ids.contains("f\u{FFFD}") && ids.contains { Array($0.utf8) == Array("caf\u{E9}".utf8) })
            }
        }

        @Test("config check warns of what can never match, and ends with 0")
        func warns() async throws {
            let cleanups = CommandLineScene.cleanups.replacing(
                "to: FAILED", with: "to: FAILED\n    alive: \"worker:*\"")
            try await withCommandLine(cleanups) { scene in
                let answer = try await scene.curfew("config", "check")
                #expect(answer.code == 0 && answer.output.contains("cleanups.stuck-jobs.alive: “worker:*” has a “*”"))
                let warnings = try await scene.curfew("config", "check", "--json").object()["warnings"]
                #expect((warnings as? [[String: Any]])?.first?["key"] as? String == "cleanups.stuck-jobs.alive")
            }
        }
    }
}

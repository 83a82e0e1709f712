import Curfew
import HTTPTypes
import HummingbirdTesting
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("Dashboard: size", .tags(.ownServer))
struct DashboardSizeTests {
    /// Fills an index and the streams, inside the server: a hundred thousand records and ten thousand runs.
    private static let fill = """
        local now = redis.call('TIME')[1] * 1000
        for i = 1, 100000 do redis.call('ZADD', KEYS[1], now + i, 'record-' .. i) end
        for i = 1, 10000 do
          redis.call('XADD', KEYS[2], '*', 'run', 'stuck-jobs-' .. i, 'cleanup', 'stuck-jobs', 'status', 'completed',
            'started_ms', now, 'finished_ms', now + 5, 'found', i, 'changed', i, 'instance', 'web-1')
          redis.call('XADD', KEYS[3], '*', 'kind', 'run', 'run', 'stuck-jobs-' .. i, 'cleanup', 'stuck-jobs',
            'changed', i, 'failed', 0, 'backlog', i)
          redis.call('XADD', KEYS[4], '*', 'run', 'stuck-jobs-' .. i, 'cleanup', 'stuck-jobs', 'record', 'record-' .. i,
            'action', 'fail', 'from', 'A', 'to', 'B', 'reason', string.rep('why ', 20), 'before', '{}', 'at_ms', now)
        end
        """

    private func commands(_ scene: AdminScene) async throws -> Int {
        let info = try await scene.send("INFO", "stats")
        return try #require(info.infoField("total_commands_processed").flatMap { Int($0) })
    }

    @Test("pages stay small, and cost a bounded number of commands, whatever is tracked and however long the history")
    func bounded() async throws {
        try await withAdmin { scene in
            let keys = scene.engine.keys
            try await scene.application().test(.router) { client in
                _ = try await client.ask(.get, "/")
                let before = try await commands(scene)
                _ = try await client.ask(.get, "/")
                let usual = try await commands(scene) - before
                _ = try await scene.redis.send(
                    RedisCommand("EVAL", [Self.fill, "4", "jobs", keys.runs, keys.metrics, keys.events]),
                    deadline: .seconds(60))
                // What was measured is read in pieces, and a page waits for a few of them only.
                try await eventually("all of it was read") {
                    let before = try await commands(scene)
                    _ = try await client.ask(.get, "/")
                    return try await commands(scene) - before <= usual + 2
                }
                let full = try await commands(scene)
                let page = try await client.ask(.get, "/")
                #expect(try await commands(scene) - full <= usual + 2)
                #expect(page.text.utf8.count < 100_000)
                #expect(page.text.contains("100\u{202F}000"))
                for path in ["/cleanups/stuck-jobs", "/runs/stuck-jobs-10000"] {
                    #expect(try await client.ask(.get, path).text.utf8.count < 200_000, "\(path)")
                }
            }
        }
    }

    /// What is short to whoever counts characters, or becomes long where it is escaped.
    private static let long = [
        "a" + String(repeating: "\u{301}", count: 20_000), String(repeating: "\"", count: 20_000),
        String(repeating: "😀", count: 5_000), String(repeating: "\u{0}", count: 20_000),
    ]

    @Test("the first page stays below 100 KB whatever ids, types and streams hold", arguments: long.indices)
    func hostile(_ place: Int) async throws {
        let text = Self.long[place]
        try await withAdmin { scene in
            let keys = scene.engine.keys
            let now = String(try await scene.engine.serverClock().now.milliseconds)
            for number in 0..<30 {
                try await scene.send("HSET", "job:\(number)\(text)", "status", "RUNNING", "at", "1", "cost", text)
                try await scene.send("ZADD", "jobs", "1", "\(number)\(text)")
                for key in [keys.runs, keys.events, keys.alerts, keys.metrics] {
                    let names = [
                        "kind", "run", "cleanup", "status", "instance", "trigger", "record", "reason", "action", "from",
                        "to", "found", "changed", "skipped", "failed", "refunded", "error", "alert", "state",
                        "severity",
                        "value", "message", "before",
                    ]
                    let fields = names.flatMap { [$0, "\(number)" + text] } + ["at_ms", now, "started_ms", now]
                    _ = try await scene.redis.send(RedisCommand("XADD", [key, "*"] + fields))
                }
                try await scene.send("ZADD", keys.instances, now, "\(number)\(text)")
                try await scene.send("HSET", keys.instance("\(number)\(text)"), "host", text, "version", text)
            }
            try await scene.application().test(.router) { client in
                let page = try await client.ask(.get, "/")
                #expect(page.status == 200)
                #expect(page.text.utf8.count < 100_000)
                for path in ["/cleanups/stuck-jobs", "/cleanups/stuck-jobs/preview"] {
                    #expect(try await client.ask(.get, path).text.utf8.count < 300_000, "\(path)")
                }
            }
        }
    }

    @Test("the numbers of charts are those of the metrics stream")
    func charts() async throws {
        try await withAdmin { scene in
            let now = try await scene.engine.serverClock().now.milliseconds
            for (place, changed) in ["3", "4"].enumerated() {
                try await scene.send(
                    "XADD", scene.engine.keys.metrics, "\(now - 7_200_000)-\(place + 1)", "kind", "run", "cleanup",
                    "stuck-jobs", "changed", changed, "failed", "2", "backlog", "11")
            }
            for number in 0..<5 { try await scene.stick("\(number)") }
            try await scene.application().test(.router) { client in
                let page = try await client.ask(.get, "/cleanups/stuck-jobs").text
                #expect(page.contains(": 7 processed</title>") && page.contains(": 4 errors</title>"))
                #expect(page.contains("max 11"))
                // The hour under way has what is due now, whether or not anything ran.
                #expect(page.contains("<td class=\"number\" data-label=\"due\">5</td>"))
            }
        }
    }
}

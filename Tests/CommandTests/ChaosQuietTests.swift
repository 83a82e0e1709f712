import Curfew
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("with nothing to do", .tags(.processes))
    struct QuietTests {
        @Test(
            "an idle instance with alerts on what is overdue sends one command a heartbeat, and stays small",
            .timeLimit(.minutes(4)))
        func idle() async throws {
            try await withProcesses { scene in
                let alert = "alerts:\n  late: {cleanup: \"*\", metric: overdue, above: 10m}\n"
                let worker = try scene.worker(
                    try scene.configure(ProcessesScene.stuck(every: "1h") + alert, heartbeat: "1s"))
                _ = try await scene.run("completed")
                let monitor = try await ProcessesMonitor(scene)
                try await eventually("five commands") { monitor.commands.count >= 5 }
                let heard = try await monitor.stop()
                let elapsed = try #require(heard.last).time - #require(heard.first).time
                #expect(Double(heard.count - 1) <= elapsed + 1, "\(heard.map(\.text))")
                #expect(heard.allSatisfy { $0.text.contains(#""FCALL" "curfew_tick_"#) })

                let entries = try await scene.send("XREVRANGE", scene.keys.metrics, "+", "-", "COUNT", "1").elements
                let memory = try #require(entries.first.map(StreamEntry.init)).number("rss_bytes")
                // 40 MB is the limit of a release build, which `Bench` checks; this one is a debug build.
                #expect((1 << 20)...(80 << 20) ~= memory)
                #expect(await worker.terminate() == 0)
            }
        }

        @Test("a run costs six commands at most, the same with 1,000 and with 100,000 tracked", .timeLimit(.minutes(4)))
        func nothingDue() async throws {
            try await withProcesses { scene in
                let configuration = try scene.configure(ProcessesScene.stuck(every: "1h"))
                // The first ever loads the functions.
                #expect(try await scene.curfew("run", "stuck-jobs", configuration: configuration).code == 0)
                var costs: [[String]] = []
                for tracked in [0, 1_000, 100_000] {
                    try await Self.track(tracked, scene)
                    let monitor = try await ProcessesMonitor(scene)
                    #expect(try await scene.curfew("run", "stuck-jobs", configuration: configuration).code == 0)
                    costs.append(try await monitor.stop().map { Self.name($0.text) })
                }
                #expect(costs[0].count <= 6, "\(costs[0])")
                #expect(costs[1] == costs[0])
                #expect(costs[2] == costs[0])
            }
        }

        /// Records that are due in an hour.
        private static func track(_ count: Int, _ scene: ProcessesScene) async throws {
            let script = """
                local time = redis.call('TIME')[1] * 1000 + 3600000
                for n = 1, ARGV[1] do redis.call('ZADD', 'job:deadlines', string.format('%.0f', time + n), 'later-' .. n) end
                """
            _ = try await scene.send("EVAL", script, "0", String(count))
        }

        /// The command, and the function where it calls one: ` [0 127.0.0.1:5] "FCALL" "curfew_tick_8_0123abcd" …`.
        private static func name(_ text: String) -> String {
            let words = text.split(separator: "\"").filter { $0 != " " }.dropFirst()
            return words.prefix(words.first == "FCALL" ? 2 : 1).joined(separator: " ")
        }
    }
}

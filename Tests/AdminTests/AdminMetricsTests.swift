import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import Metrics
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("What Prometheus scrapes", .tags(.ownServer))
struct AdminMetricsTests {
    /// The lines of an answer as a sample → its value.
    private func samples(_ text: String) -> [String: Double] {
        var samples: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " ") else { continue }
            samples[String(line[..<space])] = Double(line[line.index(after: space)...])
        }
        return samples
    }

    @Test("schedule, backlog, runs, histograms, timeouts by type, leases and health", arguments: Depth.allCases)
    func metrics(_ depth: Depth) async throws {
        let types = AdminScene.cleanups.replacing("timeout: 5m,", with: "timeout: 5m, timeouts: {by: tier, BIG: 1m},")
        try await withAdmin(cleanups: types) { scene in
            for id in ["a", "b", "c"] { try await scene.stick(id) }
            try await scene.send("HSET", "job:a", "tier", "BIG")
            try await scene.send("HSET", "job:b", "tier", "x\"\\\ny")
            try await scene.application().test(depth.setup) { client in
                #expect(try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs", "{\"limit\": 2}").status == 200)
                #expect(
                    try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs", "{\"dryRun\": true}").status == 200)
                let answer = try await client.ask(.get, "/metrics", token: AdminScene.viewer)
                #expect(answer.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
                let found = samples(answer.text)
                let cleanup = "cleanup=\"stuck-jobs\""
                #expect(found["curfew_redis_up"] == 1)
                #expect(found["curfew_runs_total{\(cleanup),status=\"completed\",dry_run=\"false\"}"] == 1)
                #expect(found["curfew_runs_total{\(cleanup),status=\"completed\",dry_run=\"true\"}"] == 1)
                #expect(found["curfew_records_changed_total{\(cleanup),action=\"fail\"}"] == 2)
                #expect(found["curfew_tokens_refunded_total{\(cleanup)}"] == 18)
                #expect(found["curfew_leases_total{\(cleanup)}"] == 2)
                #expect(found["curfew_cleanup_backlog_records{\(cleanup)}"] == 1)
                #expect(found["curfew_run_duration_seconds_count{\(cleanup)}"] == 2)
                #expect(found["curfew_run_duration_seconds_bucket{\(cleanup),le=\"+Inf\"}"] == 2)
                #expect(found["curfew_timeouts_total{\(cleanup),type=\"BIG\"}"] != nil, "\(answer.text)")
                let route = "route=\"/api/v1/cleanups/{name}/runs\""
                #expect(found.keys.contains { $0.hasPrefix("curfew_http_requests_total{method=\"POST\",\(route)") })
                // Asked again, nothing is counted twice.
                let again = samples(try await client.ask(.get, "/metrics").text)
                #expect(again["curfew_records_changed_total{\(cleanup),action=\"fail\"}"] == 2)
            }
        }
    }

    @Test("changes by action, records seen by type, drift, what is stalled and overdue, groups of runs")
    func reasons() async throws {
        let types = AdminScene.cleanups.replacing("timeout: 5m,", with: "timeout: 5m, timeouts: {by: tier, BIG: 1h},")
            .replacing(
                "to: DRAFT}",
                with: """
                    to: DRAFT}
                      generations: {policy: counters, every: 1h, records: "generation:<id>", index: generations, states: [running], since: [at], timeout: 3h, total: total, counters: {queued: later, processing: now, completed: done, failed: bad}}
                    """)
        try await withAdmin(cleanups: types) { scene in
            let keys = scene.engine.keys
            for id in ["a", "b", "c"] { try await scene.stick(id) }
            try await scene.send("HSET", "job:a", "tier", "BIG")
            try await scene.send("HSET", "job:b", "tier", "SMALL")
            // Three of two are done: corrected. One of two is done, and one still active: left.
            for (id, done) in [("g", "3"), ("h", "1")] {
                try await scene.send(
                    "HSET", "generation:\(id)", "status", "running", "at", "1700000000", "total", "2", "now", "1",
                    "done",
                    done, "bad", "0")
                try await scene.send("ZADD", "generations", "0", id)
            }
            for actions in ["{\"retry\":2,\"fail\":3}", "{\"fail\":1}", "", "no JSON"] {
                try await scene.send(
                    "XADD", keys.runs, "*", "cleanup", "other", "changed", "6", "status", "completed", "actions",
                    actions)
            }
            try await scene.application().test(.live) { client in
                #expect(try await client.ask(.post, "/api/jobs/run", "{\"job_type\": \"cleanup\"}").status == 200)
                #expect(
                    try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs", "{\"dryRun\": true}").status == 200)
                let answer = try await client.ask(.get, "/metrics")
                let found = samples(answer.text)
                for (sample, value) in [
                    ("curfew_records_changed_total{cleanup=\"other\",action=\"retry\"}", 2),
                    ("curfew_records_changed_total{cleanup=\"other\",action=\"fail\"}", 4),
                    ("curfew_records_changed_total{cleanup=\"other\"}", 18),
                    ("curfew_records_seen_total{cleanup=\"stuck-jobs\",type=\"BIG\"}", 1),
                    ("curfew_records_seen_total{cleanup=\"stuck-jobs\",type=\"SMALL\"}", 1),
                    ("curfew_records_seen_total{cleanup=\"stuck-jobs\"}", 1),
                    ("curfew_timeouts_total{cleanup=\"stuck-jobs\",type=\"SMALL\"}", 1),
                    ("curfew_records_seen_total{cleanup=\"generations\"}", 2),
                    ("curfew_cleanup_stalled_records{cleanup=\"generations\"}", 1),
                    ("curfew_cleanup_stalled_records{cleanup=\"stuck-jobs\"}", 0),
                    ("curfew_cleanup_oldest_overdue_seconds{cleanup=\"stuck-jobs\"}", 0),
                    ("curfew_group_runs_total{type=\"cleanup\",status=\"completed\"}", 1),
                    ("curfew_group_run_duration_seconds_count{type=\"cleanup\"}", 1),
                ] as [(String, Double)] {
                    #expect(found[sample] == value, "\(sample): \(found[sample] ?? -1)\n\(answer.text)")
                }
                #expect(found["curfew_timeouts_total{cleanup=\"stuck-jobs\",type=\"BIG\"}"] == nil)
                #expect(found["curfew_drift_total{cleanup=\"generations\"}"] ?? 0 > 0)
            }
        }
    }

    @Test("what waits for each receiver, its dead letters, and the scan for records that the index lacks")
    func backlogs() async throws {
        let more = """
              scanned: {policy: locks, every: 1h, records: "lock:<id>", timeout: 3h}
            webhooks: {ops: {url: "http://127.0.0.1:1/", on: alert}, broken: {url: "http://127.0.0.1:1/", on: alert}}
            mail: {smtp: "smtp://127.0.0.1:1", from: a@example.com, to: [b@example.com], on: alert}
            """
        try await withAdmin(cleanups: AdminScene.cleanups + "\n" + more) { scene in
            let keys = scene.engine.keys
            try await scene.send("ZADD", keys.webhook("ops"), "1", "a", "2", "b")
            try await scene.send("LPUSH", keys.mailDead, "{}")
            try await scene.send("SET", keys.webhook("broken"), "x")
            try await scene.application().test(.router) { client in
                let before = samples(try await client.ask(.get, "/metrics").text)
                #expect(before["curfew_notice_queue_messages{kind=\"webhook\",receiver=\"ops\"}"] == 2)
                #expect(before["curfew_notice_dead_letters{kind=\"webhook\",receiver=\"ops\"}"] == 0)
                #expect(before["curfew_notice_queue_messages{kind=\"mail\",receiver=\"mail\"}"] == 0)
                #expect(before["curfew_notice_dead_letters{kind=\"mail\",receiver=\"mail\"}"] == 1)
                #expect(!before.keys.contains { $0.contains("broken") })
                let scan = "{cleanup=\"scanned\"}"
                #expect(before["curfew_scan_progress_ratio\(scan)"] == 0)
                #expect(try await client.ask(.post, "/api/v1/cleanups/scanned/runs").status == 200)
                let after = samples(try await client.ask(.get, "/metrics").text)
                #expect(after["curfew_scan_progress_ratio\(scan)"] == 1)
                #expect(after["curfew_scan_due_in_seconds\(scan)"] ?? 0 > 0)
            }
        }
    }

    @Test("the answer is what the format asks for: help, type, each family once")
    func format() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.application().test(.router) { client in
                #expect(try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").status == 200)
                let text = try await client.ask(.get, "/metrics").text
                let types = text.matches(of: /# TYPE (\S+) (counter|gauge|histogram)/).map { ($0.1, $0.2) }
                #expect(types.count > 15 && Set(types.map(\.0)).count == types.count)
                for (name, type) in types {
                    #expect(text.contains("# HELP \(name) "))
                    #expect((type == "counter") == name.hasSuffix("_total"), "\(name)")
                }
                for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                    #expect(
                        line.wholeMatch(of: /[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? -?[0-9.e+\-]+/) != nil,
                        "\(line)")
                }
            }
        }
    }

    @Test("metrics are for viewers, or for everybody where the file says so; without Redis they say that")
    func access() async throws {
        for (setting, status) in [("", 401), ("\n  metrics-open: true", 200)] {
            try await withAdmin(AdminScene.tokens + setting) { scene in
                try await scene.application().test(.router) { client in
                    #expect(try await client.ask(.get, "/metrics", token: nil).status == status)
                    await scene.server.kill()
                    let away = try await client.ask(.get, "/metrics")
                    #expect(away.status == 200 && samples(away.text)["curfew_redis_up"] == 0)
                    #expect(!away.text.contains(AdminScene.admin))
                }
            }
        }
    }

    @Test("counters, gauges and histograms of swift-metrics; a bounded number of them")
    func registry() {
        let registry = Registry()
        Counter(label: "c_total", dimensions: [("a", "\"1\"")], factory: registry).increment(by: 2)
        Counter(label: "c_total", dimensions: [("a", "\"1\"")], factory: registry).increment()
        Gauge(label: "g", factory: registry).record(1.5)
        Metrics.Timer(label: "t_seconds", factory: registry).recordSeconds(2)
        Recorder(label: "r", factory: registry).record(7_200)
        var text = PrometheusText()
        registry.write(to: &text, help: ["c_total": "Counted."])
        #expect(text.text.contains("# HELP c_total Counted.\n# TYPE c_total counter\nc_total{a=\"\\\"1\\\"\"} 3\n"))
        #expect(text.text.contains("# TYPE g gauge\ng 1.5\n"))
        #expect(text.text.contains("t_seconds_bucket{le=\"1\"} 0\nt_seconds_bucket{le=\"2.5\"} 1\n"))
        #expect(text.text.contains("r_bucket{le=\"3600\"} 0\nr_bucket{le=\"+Inf\"} 1\nr_sum 7200\nr_count 1\n"))
        for number in 0..<(2 * Registry.most) {
            Counter(label: "n_total", dimensions: [("n", "\(number)")], factory: registry).increment()
        }
        var bounded = PrometheusText()
        registry.write(to: &bounded, help: [:])
        #expect(bounded.text.split(separator: "\n").count < Registry.most + 100)
    }

    /// Texts that have broken the format, or could: what Swift takes for one character, controls, bytes that are no UTF-8.
    private static let hostile: [[UInt8]] = [
        Array("x\"\u{301}".utf8), Array("x\r\ncurfew_redis_up 0\r\n#".utf8), Array("\\\"\n".utf8), Array("\\".utf8),
        Array("a\n\u{308}b".utf8), Array("\\\u{20DD}\"\u{20DD}".utf8), [0xFF, 0x22, 0xC3], [0x00, 0x1B, 0x5B, 0x41],
        Array("\u{2028}\u{85}} 1\n".utf8), Array(String(repeating: "\"", count: 100_000).utf8),
    ]

    @Test("whatever bytes a label holds, its line is one line of the format")
    func anyLabel() throws {
        var random = Seeded(12)
        let alphabet: [[UInt8]] =
            Self.hostile + [[0x22], [0x5C], [0x0A], [0x0D], [0xCC, 0x81], [0xF0], [0x7B], [0x7D]]
        let line = /[a-z_]+\{type="(?:[^"\\\n]|\\[\\"n])*"\} [0-9.]+/.matchingSemantics(.unicodeScalar)
        for round in 0..<2_000 {
            let bytes =
                round < Self.hostile.count
                ? Self.hostile[round]
                : (0..<Int.random(in: 0...6, using: &random)).flatMap { _ in
                    alphabet.randomElement(using: &random) ?? []
                }
            var text = PrometheusText()
            text.add("t_total", .counter, "Help.", [([("type", ByteText.held(bytes))], 1)])
            let written = ByteText.readable(text.text.utf8)
            let lines = written.split(separator: 0x0A, omittingEmptySubsequences: false)
            try #require(lines.count == 4 && lines[3].isEmpty, "\(bytes.prefix(40))")
            let sample = try #require(String(validating: lines[2], as: UTF8.self), "\(bytes.prefix(40))")
            #expect(sample.wholeMatch(of: line) != nil, "\(sample)")
            #expect(!sample.unicodeScalars.contains { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) })
            #expect(sample.utf8.count < 300)
        }
    }

    @Test("labels that are written alike are one sample, their sum")
    func alike() {
        var text = PrometheusText()
        text.add("t_total", .counter, "Help.", [([("type", "a\r")], 1), ([("type", "a")], 2), ([("type", "b")], 4)])
        #expect(text.text.hasSuffix("t_total{type=\"a\"} 3\nt_total{type=\"b\"} 4\n"))
    }
}

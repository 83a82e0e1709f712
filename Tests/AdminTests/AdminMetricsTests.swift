import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import Metrics
import Policies
import RedisClient
import TestSupport
import Testing

@testable import Admin

@Suite("What Prometheus scrapes")
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
                #expect(found["curfew_records_changed_total{\(cleanup)}"] == 2)
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
                #expect(again["curfew_records_changed_total{\(cleanup)}"] == 2)
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
}

import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("formats of webhooks", .tags(.ownServer), .timeLimit(.minutes(5)))
struct WebhookFormatTests {
    /// The fields of a change.
    private static func change(_ record: String, _ action: String = "fail", cleanup: String = "jobs") -> [String] {
        [
            "cleanup", cleanup, "record", record, "action", action, "from", "RUNNING", "to", "FAILED", "reason",
            "no sign of life for 9m <b>&", "tokens", "9", "before", "{}",
        ]
    }

    /// What comes of these commands: everything that the receiver gets.
    private static func received(
        _ hook: WebhookScene, _ more: String, on subjects: String, count: Int, name: String = "one",
        _ body: () async throws -> Void
    ) async throws -> [HTTPReceiver.Request] {
        try await hook.withSenders(try hook.engine(name, on: subjects, more: more)) {
            try await body()
            try await hook.received(count)
            try await hook.isThrough()
            for stream in [hook.keys.alerts, hook.keys.events]
            where try await hook.scene.send("EXISTS", stream).integer == 1 {
                try await eventually("all acknowledged") { try await (hook.pending(stream) ?? 0) == 0 }
            }
        }
        #expect(hook.receiver.requests.count == count)
        return hook.receiver.requests
    }

    @Test("Slack and Discord get a text with what happened, in which nothing of a record is markup")
    func chat() async throws {
        for (format, key, text) in [
            ("slack", "text", "*Change*\njobs: fail 7 (RUNNING → FAILED): no sign of life for 9m &lt;b&gt;&amp;"),
            ("discord", "content", "**Change**\njobs: fail 7 \\(RUNNING → FAILED\\): no sign of life for 9m \\<b\\>&"),
        ] {
            try await withWebhook { hook in
                let requests = try await Self.received(hook, ", format: \(format)", on: "change", count: 1) {
                    try await hook.scene.redis.send(RedisCommand("XADD", [hook.keys.events, "*"] + Self.change("7")))
                }
                let request = try #require(requests.first)
                #expect(try request.json()[key] as? String == text)
                #expect(request.headers["curfew-signature"]?.hasPrefix("v1=") == true)
                if format == "discord" {
                    let mentions = try request.json()["allowed_mentions"] as? [String: [String]]
                    #expect(mentions == ["parse": []])
                }
            }
        }
    }

    @Test("PagerDuty gets an event that opens an incident, and one that resolves the same")
    func pagerDuty() async throws {
        try await withWebhook { hook in
            let requests = try await Self.received(hook, ", format: pagerduty", on: "alert", count: 2) {
                try await hook.alert("many", message: "jobs: found 12 is above 10")
                try await hook.alert("many", state: "resolved", message: "jobs: found 1 is no longer above 10")
            }
            let events = try requests.map { try $0.json() }
            #expect(events.map { $0["event_action"] as? String } == ["trigger", "resolve"])
            #expect(Set(events.map { $0["dedup_key"] as? String }) == ["curfew:alert:many:"])
            #expect(events[0]["routing_key"] as? String == WebhookScene.secret)
            let payload = try #require(events[0]["payload"] as? [String: Any])
            #expect(payload["summary"] as? String == "jobs: found 12 is above 10")
            #expect(payload["severity"] as? String == "warning" && payload["source"] as? String == "curfew")
        }
    }

    @Test("Alertmanager gets an alert and its end with the same labels, at its own path")
    func alertmanager() async throws {
        try await withWebhook { hook in
            let url = "http://127.0.0.1:\(hook.receiver.port)"
            let engine = try hook.engine("one", on: "alert", more: ", format: alertmanager", url: url)
            try await hook.withSenders(engine) {
                for state in ["firing", "resolved"] {
                    try await hook.scene.send(
                        "XADD", hook.keys.alerts, "*", "alert", "many", "state", state, "severity", "critical",
                        "cleanup", "jobs", "metric", "found", "value", state == "firing" ? "12" : "1", "since_ms",
                        "1700000000123", "run", state, "message", "jobs: \(state)")
                }
                try await hook.received(2)
                try await hook.isThrough()
            }
            let requests = hook.receiver.requests
            #expect(Set(requests.map(\.target)) == ["/api/v2/alerts"])
            let alerts = try requests.flatMap { request in
                try JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? [[String: Any]] ?? []
            }
            let labels = [
                "alertname": "many", "severity": "critical", "cleanup": "jobs", "metric": "found", "curfew": "curfew",
            ]
            #expect(alerts.compactMap { $0["labels"] as? [String: String] } == [labels, labels])
            #expect(alerts.map { $0["startsAt"] as? String } == Array(repeating: "2023-11-14T22:13:20.123Z", count: 2))
            let ends = alerts.compactMap { $0["endsAt"] as? String }
            let now = try await ServerClock.read(from: hook.scene.redis).now
            #expect(ends.count == 2 && ends[0] > (now + .seconds(29 * 86_400)).iso8601 && ends[1] <= now.iso8601)
        }
    }

    @Test(
        "an alert that has ended before it could be sent isn't begun by a later attempt",
        arguments: ["pagerduty", "alertmanager"])
    func overtaken(format: String) async throws {
        try await withWebhook(answer: { _, request in
            request.body.contains("still") || request.body.contains("other") || request.body.contains("is over")
                ? .status(200) : .status(500)
        }) { hook in
            let engine = try hook.engine("one", on: "alert", more: ", format: \(format)") {
                ($0.backoff.first, $0.backoff.most) = (.seconds(2), .seconds(2))
            }
            try await hook.withSenders(engine) {
                try await hook.alert("many", message: "never heard")
                try await hook.received(1)
                try await hook.alert("few", message: "other")
                try await hook.alert("many", state: "resolved", message: "is over")
                try await hook.received(3)
                try await hook.isThrough()
                try await hook.alert("many", message: "still here")
                try await hook.received(4)
                try await hook.isThrough()
            }
            let bodies = hook.receiver.requests.map(\.body)
            #expect(bodies.count == 4 && bodies[3].contains("still here"))
            #expect(bodies.filter { $0.contains("never heard") }.count == 1)
        }
    }

    @Test("a template is filled with the fields, escaped where it is JSON")
    func templates() async throws {
        let json =
            #"{\"text\": \"<cleanup>: <reason> \\u2028\", \"tokens\": <tokens>, \"type\": <type>, \"who\": [<record>]}"#
        try await withWebhook { hook in
            let more = ", template: \"\(json)\""
            let requests = try await Self.received(hook, more, on: "change", count: 1) {
                let fields = Self.change("a\"b\\\n").map { $0 == "jobs" ? "\"}\u{1}é" : $0 }
                try await hook.scene.redis.send(RedisCommand("XADD", [hook.keys.events, "*"] + fields))
            }
            let body = try requests[0].json()
            #expect(body["text"] as? String == "\"}\u{1}é: no sign of life for 9m <b>& \u{2028}")
            #expect(body["tokens"] as? Int == 9 && body["type"] is NSNull && body["who"] as? [String] == ["a\"b\\\n"])
            #expect(requests[0].headers["content-type"] == "application/json")
        }
        try await withWebhook { hook in
            let more = ", format: template, template: \"[<severity>] <subject> <text> <<x\""
            let requests = try await Self.received(hook, more, on: "alert", count: 1) {
                try await hook.alert(message: "größer")
            }
            #expect(requests[0].body == "[warning] alert größer <x")
            #expect(requests[0].headers["content-type"] == "text/plain; charset=utf-8")
        }
    }

    @Test("changes are sent together, at most 100 in a message, each once; errors and what people do are none")
    func batches() async throws {
        try await withWebhook { hook in
            let group = "curfew:webhook:ops"
            try await hook.scene.send("XGROUP", "CREATE", hook.keys.events, group, "0", "MKSTREAM")
            let commands = (1...250).map { number in
                RedisCommand("XADD", [hook.keys.events, "*"] + Self.change("r\(number)"))
            }
            try await hook.scene.redis.pipeline(commands)
            try await hook.scene.send("XADD", hook.keys.events, "*", "action", "error", "record", "bad")
            try await hook.scene.send("XADD", hook.keys.events, "*", "action", "pause", "cleanup", "jobs", "record", "")
            let requests = try await Self.received(hook, "", on: "change", count: 3) {}
            let messages = try requests.map { try $0.json() }
            #expect(Set(messages.map { $0["type"] as? String }) == ["change"])
            let changes = messages.map { $0["data"] as? [[String: String]] ?? [] }
            #expect(changes.map(\.count).sorted() == [50, 100, 100])
            #expect(Set(changes.joined().compactMap { $0["record"] }) == Set((1...250).map { "r\($0)" }))
            #expect(Set(changes.joined().compactMap { $0["id"] }).count == 250)
            #expect(Set(requests.compactMap { $0.headers["curfew-id"] }).count == 3)
        }
    }

    @Test("a message of many large changes is no larger than one may be")
    func largeBatches() async throws {
        try await withWebhook { hook in
            try await hook.scene.send("XGROUP", "CREATE", hook.keys.events, "curfew:webhook:ops", "0", "MKSTREAM")
            let large = String(repeating: "v", count: 60_000)
            try await hook.scene.redis.pipeline(
                (1...40).map {
                    RedisCommand("XADD", [hook.keys.events, "*"] + Self.change("r\($0)") + ["note", large])
                })
            try await hook.withSenders(try hook.engine("one", on: "change")) {
                try await eventually("all changes") {
                    hook.receiver.requests.reduce(0) { $0 + $1.body.components(separatedBy: "\"record\":").count - 1 }
                        == 40
                }
                try await hook.isThrough()
            }
            #expect(hook.receiver.requests.allSatisfy { $0.body.utf8.count < 300_000 })
        }
    }

    @Test("severity and cleanups choose: alerts from a severity on, and only what is of these cleanups")
    func choice() async throws {
        try await withWebhook { hook in
            let more = ", min-severity: warning, cleanups: [jobs]"
            let requests = try await Self.received(hook, more, on: "[alert, change, warning]", count: 4) {
                for (severity, cleanup) in [
                    ("info", "jobs"), ("warning", "jobs"), ("critical", "other"), ("critical", "jobs"),
                ] {
                    try await hook.scene.send(
                        "XADD", hook.keys.alerts, "*", "alert", "\(severity)-\(cleanup)", "state", "firing", "severity",
                        severity, "cleanup", cleanup, "message", "m")
                }
                for (action, cleanup) in [("warn", "jobs"), ("warn", "other"), ("fail", "other"), ("fail", "jobs")] {
                    try await hook.scene.redis.send(
                        RedisCommand("XADD", [hook.keys.events, "*"] + Self.change("7", action, cleanup: cleanup)))
                }
            }
            let told = try requests.map { try $0.json() }.map { message in
                let data = message["data"]
                let fields = data as? [String: String] ?? (data as? [[String: String]])?.first ?? [:]
                return "\(message["type"] ?? "") \(fields["alert"] ?? fields["action"] ?? "")"
            }
            #expect(told.sorted() == ["alert critical-jobs", "alert warning-jobs", "change fail", "warning warn"])
        }
    }

    @Test("a lost run is told apart where a webhook asks for it, and a failed one otherwise")
    func lost() async throws {
        for (subjects, expected) in [
            ("run-lost", ["run-lost lost"]), ("run-failed", ["run-failed failed", "run-failed lost"]),
            ("[run-failed, run-lost]", ["run-failed failed", "run-lost lost"]),
        ] {
            try await withWebhook { hook in
                try await hook.withSenders(try hook.engine("one", on: subjects)) {
                    for status in ["completed", "failed", "lost"] {
                        try await hook.scene.send("XADD", hook.keys.runs, "*", "run", "a-1", "status", status)
                    }
                    try await hook.received(expected.count)
                    try await hook.isThrough()
                }
                let told = try hook.receiver.requests.map { try $0.json() }.map { message in
                    "\(message["type"] ?? "") \((message["data"] as? [String: String])?["status"] ?? "")"
                }
                #expect(told.sorted() == expected)
            }
        }
    }
}

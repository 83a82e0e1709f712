import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("webhooks", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct WebhookDeliveryTests {
    private static let message = OutgoingNotice(
        id: "curfew:alerts:1-0", body: "{}", entry: "1-0", acknowledged: ["1-0"])

    @Test("an alert is delivered once, as the documentation says")
    func once() async throws {
        try await withWebhook { hook in
            try await hook.withSenders(try hook.engine("one")) {
                try await hook.alert("many", message: "jobs: found 12 is above 10")
                try await hook.received(1)
                try await hook.isThrough()
            }
            let request = try #require(hook.receiver.requests.first)
            #expect(hook.receiver.requests.count == 1)
            #expect(request.method == "POST" && request.target == "/hook?token=s3cr3t")
            #expect(request.headers["content-type"] == "application/json")
            #expect(request.headers["user-agent"] == "curfew/\(CurfewVersion.current)")
            let entry = try #require(try await hook.scene.stream(hook.keys.alerts).first)
            let time = entry.id.prefix { $0 != "-" }
            #expect(request.headers["curfew-id"] == "curfew:alerts:\(entry.id)")
            #expect(
                request.body == """
                    {"at_ms":\(time),"data":{"alert":"many","message":"jobs: found 12 is above 10",\
                    "severity":"warning","state":"firing"},"id":"curfew:alerts:\(entry.id)","type":"alert",\
                    "webhook":"ops"}
                    """)
            #expect(try await hook.pending(hook.keys.alerts) == 0)
        }
    }

    @Test("only what the webhook asks for is sent, and everything is acknowledged")
    func subjects() async throws {
        try await withWebhook { hook in
            // What happened before a webhook was there is none of its business.
            try await hook.alert("before")
            try await hook.withSenders(try hook.engine("one")) {
                try await hook.alert("definition", state: "threshold")
                for action in ["fail", "warn", "retry"] {
                    try await hook.scene.send("XADD", hook.keys.events, "*", "record", "7", "action", action)
                }
                let statuses = [
                    "completed", "completed_with_errors", "failed", "refused", "lost", "timed_out", "misfired",
                ]
                for status in statuses {
                    try await hook.scene.send("XADD", hook.keys.runs, "*", "run", "a-1", "status", status)
                }
                try await hook.alert("over", state: "resolved")
                try await hook.received(6)
                try await hook.isThrough()
                for stream in [hook.keys.alerts, hook.keys.events, hook.keys.runs] {
                    try await eventually("all acknowledged") { try await hook.pending(stream) == 0 }
                }
            }
            let told = try hook.receiver.requests.map { try $0.json() }.map { message in
                let data = message["data"] as? [String: String] ?? [:]
                return "\(message["type"] ?? "") \(data["status"] ?? data["action"] ?? data["state"] ?? "")"
            }
            #expect(
                told.sorted() == [
                    "alert resolved", "run-failed failed", "run-failed lost", "run-failed refused",
                    "run-failed timed_out", "warning warn",
                ])
        }
    }

    @Test("two instances share the work, and nothing is sent twice")
    func share() async throws {
        try await withWebhook { hook in
            try await hook.withSenders(try hook.engine("one"), try hook.engine("two")) {
                for number in 1...60 { try await hook.alert("alert-\(number)") }
                try await hook.received(60)
                try await hook.isThrough()
            }
            let ids = hook.receiver.requests.compactMap { $0.headers["curfew-id"] }
            #expect(ids.count == 60 && Set(ids).count == 60)
        }
    }

    @Test("any text comes through as valid JSON")
    func hostile() async throws {
        let text = "\"}\\ \u{0} \u{1B}[31m \r\n\t \u{2028} </script> {{x}} é 🎉 \u{7F}"
        try await withWebhook { hook in
            try await hook.withSenders(try hook.engine("one")) {
                try await hook.alert("many", message: text)
                try await hook.scene.send(
                    "XADD", hook.keys.events, "*", "action", "warn", "before", String(repeating: "é", count: 20_000))
                try await hook.received(2)
            }
            let data = try hook.receiver.requests.map { try $0.json()["data"] as? [String: String] ?? [:] }
            #expect(data.compactMap { $0["message"] } == [text])
            // A value without measure is cut, at the end of a character.
            let before = try #require(data.compactMap { $0["before"] }.first)
            #expect(before == String(repeating: "é", count: Notice.mostValueBytes / 2) + "…")
        }
    }

    @Test("what a dead instance had read is delivered by another")
    func deadReader() async throws {
        try await withWebhook { hook in
            let alerts = hook.keys.alerts
            try await hook.scene.send("XGROUP", "CREATE", alerts, "curfew:webhook:ops", "$", "MKSTREAM")
            for number in 1...3 { try await hook.alert("alert-\(number)") }
            // An instance that got this far, and no further.
            let read = try await hook.scene.send(
                "XREADGROUP", "GROUP", "curfew:webhook:ops", "dead", "STREAMS", alerts, ">")
            #expect(read[0][1].count == 3)
            try await hook.withSenders(try hook.engine("one", on: "alert")) {
                try await hook.received(3)
                try await hook.isThrough()
                #expect(try await hook.pending(alerts) == 0)
            }
            #expect(Set(hook.receiver.requests.compactMap { $0.headers["curfew-id"] }).count == 3)
        }
    }

    @Test("what was said or put off while the clock was ahead is delivered when it is set back")
    func setBack() async throws {
        try await withWebhook { hook in
            let engine = try hook.engine("one", on: "alert")
            let queue = NoticeQueue(store: engine.store, receiver: engine.configuration.receivers[0])
            try await queue.add([Self.message], from: hook.keys.alerts, group: "none")
            let ahead = String((try await engine.serverClock().now + .seconds(7_200)).milliseconds)
            try await hook.scene.send("ZADD", hook.keys.webhook("ops"), ahead, "curfew:alerts:1-0")
            try await hook.withSenders(engine) {
                try await hook.scene.send(
                    "XADD", hook.keys.alerts, "\(ahead)-0", "alert", "many", "state", "firing", "severity", "warning",
                    "message", "too many")
                try await hook.received(2)
                try await hook.isThrough()
            }
            let ids = Set(hook.receiver.requests.compactMap { $0.headers["curfew-id"] })
            #expect(ids == ["curfew:alerts:1-0", "curfew:alerts:\(ahead)-0"])
        }
    }

    @Test("what a dead instance was about to send is sent by another, and not before its time is over")
    func deadSender() async throws {
        try await withWebhook { hook in
            let engine = try hook.engine("dead", on: "alert", more: ", timeout: 100ms") {
                $0.margin = .milliseconds(600)
            }
            let queue = NoticeQueue(store: engine.store, receiver: engine.configuration.receivers[0])
            try await queue.add([Self.message], from: hook.keys.alerts, group: "none")
            let start = ContinuousClock.now
            let taken = try await queue.take(4).taken
            #expect(taken.map(\.id) == ["curfew:alerts:1-0"])
            try await hook.withSenders(try hook.engine("one")) {
                try await hook.received(1)
                try await hook.isThrough()
            }
            #expect(hook.receiver.requests.count == 1)
            #expect(start.duration(to: hook.receiver.requests[0].at) > .milliseconds(500))
            // The dead one wakes: what is over stays over.
            try await queue.postpone(try #require(taken.first), by: .zero)
            try await queue.deadLetter(try #require(taken.first))
            try await hook.isThrough()
            #expect(try await hook.deadLetters().isEmpty)
        }
    }

    @Test("a group that somebody removes is made again, where reading was")
    func removedGroup() async throws {
        try await withWebhook { hook in
            try await hook.withSenders(try hook.engine("one", on: "alert")) {
                try await hook.alert("first")
                try await hook.received(1)
                try await hook.scene.send("XGROUP", "DESTROY", hook.keys.alerts, "curfew:webhook:ops")
                try await hook.alert("second")
                try await hook.received(2)
                try await hook.isThrough()
            }
            let names = try hook.receiver.requests.compactMap { try ($0.json()["data"] as? [String: String])?["alert"] }
            #expect(names == ["first", "second"])
        }
    }

    @Test("with a full queue nothing more is read, and nothing is lost")
    func fullQueue() async throws {
        try await withWebhook { hook in
            // Not later than a wait can be.
            let far = String((try await ServerClock.read(from: hook.scene.redis).now + .seconds(1_800)).milliseconds)
            let words = (1...NoticeQueue.most).flatMap { [far, "waiting-\($0)"] }
            try await hook.scene.redis.send(RedisCommand("ZADD", [hook.keys.webhook("ops")] + words))
            try await hook.withSenders(
                try hook.engine("one", on: "alert", timing: { $0.backoff.most = .seconds(3_600) })
            ) {
                try await hook.alert("many")
                try await hook.scene.send("ZREM", hook.keys.webhook("ops"), "waiting-1")
                try await hook.received(1)
            }
            let waiting = try await hook.scene.send("ZCARD", hook.keys.webhook("ops")).integer
            #expect(waiting == Int64(NoticeQueue.most - 1))
        }
    }

    @Test("consumers of instances that have gone are forgotten, those with something pending are not")
    func forgotten() async throws {
        try await withWebhook { hook in
            let engine = try hook.engine("one", on: "alert")
            let alerts = hook.keys.alerts
            try await hook.scene.send("XGROUP", "CREATE", alerts, "curfew:webhook:ops", "$", "MKSTREAM")
            for name in ["old", "busy", "recent"] {
                try await hook.scene.send("XGROUP", "CREATECONSUMER", alerts, "curfew:webhook:ops", name)
            }
            #expect(NoticeReader.isForgotten(["name": "old", "pending": "0", "idle": "86400001"], by: "one"))
            #expect(!NoticeReader.isForgotten(["name": "busy", "pending": "1", "idle": "86400001"], by: "one"))
            #expect(!NoticeReader.isForgotten(["name": "recent", "pending": "0", "idle": "86400000"], by: "one"))
            #expect(!NoticeReader.isForgotten(["name": "one", "pending": "0", "idle": "86400001"], by: "one"))
            try await hook.withSenders(engine) {
                try await hook.alert()
                try await hook.received(1)
            }
            let consumers = try await hook.scene.send("XINFO", "CONSUMERS", alerts, "curfew:webhook:ops")
            #expect(consumers.count == 4)
        }
    }
}

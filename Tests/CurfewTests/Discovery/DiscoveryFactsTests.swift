import Foundation
import Policies
import RedisClient
import TestNeeds
import Testing
import Yams

@testable import Curfew

@Suite("what values mean", .tags(.pure))
struct DiscoveryFactsTests {
    private static let now = Timestamp(milliseconds: 1_790_000_000_000)

    @Test(
        "states are known by their words, however they are written",
        arguments: [
            ("RUNNING", StateWords.Kind.active), ("in_progress", .active), ("InProgress", .active),
            ("rendering", .active), ("transcoding", .active), ("queued", .waiting), ("PENDING", .waiting),
            ("waiting-children", .waiting), ("on hold", .paused), ("Suspended", .paused), ("COMPLETED", .completed),
            ("success", .completed), ("failed_permanently", .failed), ("CANCELLED", .failed), ("canceled", .failed),
            ("blue", .unknown), ("", .unknown), ("https://a.example/running", .unknown),
        ])
    func states(_ text: String, _ kind: StateWords.Kind) {
        #expect(StateWords.kind(of: text) == kind)
    }

    @Test(
        "fields are known by what they are called and what they hold",
        arguments: [
            ("processingStartedAt", "1789999000000", FieldRole.start), ("started_at", "2026-09-21T14:00:00Z", .start),
            ("created", "1789999000", .created), ("timestamp", "1789999000.25", .created),
            ("ended_at", "2026-09-21T14:00:00Z", .end), ("finishedOn", "1789999000000", .end),
            ("last_heartbeat", "1789999000", .heartbeat), ("lastSeen", "1789999000", .heartbeat),
            ("deletedAt", "2026-09-21T14:00:00Z", .deleted), ("pausedAt", "1789999000", .paused),
            ("updated_at", "1789999000", .updated), ("expires_at", "1790009000", .deadline),
            ("tokensCost", "12", .amount), ("attempts", "2", .attempts), ("fileSize", "1789999000", .size),
            ("workerId", "w1", .owner), ("userId", "u1", .reference), ("total_requested", "10", .total),
            ("failedCount", "1", .failed), ("processing", "3", .processing), ("error", "boom", .error),
            ("password", "x", .secret), ("tier", "GOLD", .type), ("resultUrl", "https://a.example/7", .result),
        ])
    func roles(_ name: String, _ value: String, _ role: FieldRole) {
        let facts = RecordFacts(Array(repeating: [(name: name, value: value)], count: 3), at: Self.now)
        #expect(facts.roles[name] == role)
    }

    @Test("a state is told by its values where no field is called so, and counts per state are kept")
    func status() {
        let rows: [RecordFacts.Row] = (0..<40).map { number in
            [
                (name: "situation", value: number < 30 ? "running" : "done"), (name: "label", value: "l\(number)"),
                (name: "finished", value: number < 30 ? "" : "1789999000"),
            ]
        }
        let facts = RecordFacts(rows, at: Self.now)
        #expect(facts.status == "situation")
        #expect(facts.states(.active) == ["running"] && facts.count(in: ["running"]) == 30)
        #expect(facts.filled("finished", in: ["running"]) == 0 && facts.filled("finished", in: ["done"]) == 10)
        #expect(facts.times(.end).map(\.name) == ["finished"])
    }

    @Test("a zero is no time where others are times, and a counter where others are numbers")
    func zeros() {
        let rows: [RecordFacts.Row] = (0..<20).map { number in
            [
                (name: "startedAt", value: number < 15 ? "0" : "1789999000"),
                (name: "queued", value: number < 15 ? "0" : "3"),
            ]
        }
        let facts = RecordFacts(rows, at: Self.now)
        #expect(facts.roles["startedAt"] == .start && facts.roles["queued"] == .queued)
    }

    @Test("JSON is looked into, three objects deep, and what is no object is none")
    func json() throws {
        let row = try #require(RecordFacts.row(json: #"{"a":{"b":{"c":1,"d":{"e":2}}},"s":"x","l":[1],"n":null}"#))
        #expect(row.map(\.name) == ["a.b.c", "s"] && row.map(\.value) == ["1", "x"])
        #expect(RecordFacts.row(json: "[1]") == nil && RecordFacts.row(json: "{\"a\":") == nil)
    }

    @Test(
        "every text is written so that it is read back",
        arguments: [
            "job", "job:<id>", "true", "No", "12", "1e3", "a: b", "a #b", "#a", "$A", "${A}", "a\"b\\c", "a\nb", "é",
            "",
            " a", "a:", "- a", "{a}", "*a", "&a", "!a", "@a", "%a", "\u{7f}\u{1b}", "null", "~", "2026-11-29",
        ])
    func yaml(_ text: String) throws {
        let read = try #require(try Yams.load(yaml: "a: \(YAMLText.scalar(text.held))") as? [String: Any])
        #expect((read["a"] as? String)?.replacing("$$", with: "$") == text)
    }

    @Test("text from the keyspace can't leave its comment or its line")
    func comments() {
        #expect(YAMLText.comment("a\nb\u{2028}c\u{1b}[31m\u{202e}d") == "a�b�c�[31m�d")
        #expect(YAMLText.comment(String(repeating: "x", count: 50), atMost: 10) == "xxxxxxxxxx…")
    }

    @Test(
        "well-known systems are known by their keys",
        arguments: [
            ("rq", ["rq:queues", "rq:job:7", "rq:wip:default"]), ("sidekiq", ["queues", "processes", "queue:mail"]),
            ("celery", ["celery", "_kombu.binding.celery", "unacked", "unacked_index"]),
            ("bullmq", ["bull:mail:meta", "bull:mail:7", "bull:mail:events"]),
            ("asynq", ["asynq:queues", "asynq:{default}:t:7"]), ("saq", ["saq:job:default:7"]),
            ("arq", ["arq:queue", "arq:job:7"]), ("dramatiq", ["dramatiq:default.msgs", "dramatiq:__heartbeats__"]),
            ("resque", ["resque:queues", "resque:worker:h:7:mail"]),
            ("laravel", ["laravel_database_queues:default", "laravel_database_queues:default:reserved"]),
        ])
    func systems(_ name: String, _ keys: [String]) {
        var suspects = SystemSuspects()
        let taken = keys.map { suspects.take($0) }
        #expect(taken.allSatisfy { $0 })
        let (systems, others) = suspects.settled()
        #expect(systems.map(\.name) == [name] && systems.first?.keys == keys.count && others.isEmpty)
    }

    @Test("keys that only begin like those of a system are keys like others")
    func noSystem() {
        var suspects = SystemSuspects()
        #expect(suspects.take("queue:mail") && suspects.take("retry") && !suspects.take("job:7"))
        let (systems, others) = suspects.settled()
        #expect(systems.isEmpty && Set(others.map(\.template)) == ["queue:mail", "retry"])
    }

    @Test("a prefix of one's own is found")
    func prefixes() {
        var suspects = SystemSuspects()
        for key in ["shop:mail:meta", "shop:mail:events", "acme_queues:default:reserved"] { _ = suspects.take(key) }
        let systems = suspects.settled().systems
        #expect(systems.map(\.prefix) == ["acme_", "shop"] || systems.map(\.prefix) == ["shop", "acme_"])
    }
}

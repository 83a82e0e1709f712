import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What callers of an application count on beside the status: the time of the change, the owner, the transaction.
@Suite("touch, carry and the record of a refund", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct SweepAdditionTests {
    private static func jobs(_ more: String = "", record: String = "", format: String = "hash") -> String {
        """
        stuck-jobs:
          policy: stuck
          every: 1h
          records: job:<id>
          index: jobs
          format: \(format)
          states: [PROCESSING]
          since: [startedAt]
          timeout: 5m
          to: FAILED
          refund:
            amount: cost
            balance: user:<userId>:tokens
            ledger: user:<userId>:refunds
            \(record)
        \(more)
        """
    }

    private func job(_ scene: SweepScene, _ id: String = "7", _ more: [String: String] = [:]) async throws {
        let start = String((scene.began - .seconds(600)).milliseconds)
        let fields = ["status": "PROCESSING", "startedAt": start, "cost": "9", "userId": "42", "email": "a@b.test"]
        try await scene.write("job:\(id)", fields.merging(more) { $1 }, index: "jobs", id: id)
    }

    private func event(_ scene: SweepScene) async throws -> StreamEntry {
        try #require(try await scene.stream(scene.keys.events).last { $0["record"] != "" })
    }

    private func object(_ text: String?) throws -> [String: Any] {
        let data = Data(try #require(text).utf8)
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("a cancelled batch has its updatedAt set in the form that it has, a marked or warned one hasn't")
    func paused() async throws {
        let cleanup = """
            batches:
              {policy: paused, every: 1h, records: "batch:<id>", index: batches, states: [paused], since: [pausedAt],
              stale: 7d, warn: 23d, timeout: 30d}
            """
        try await withSweepScene(cleanup) { scene in
            let old = "2024-01-02T03:04:05Z"
            for (id, days, more) in [
                ("a", 40, ["updatedAt": old]), ("b", 25, ["updatedAt": old]), ("c", 8, ["updatedAt": old]),
                ("d", 40, [:]),
            ] {
                let since = String((scene.began - .seconds(days * 86_400)).milliseconds)
                try await scene.write(
                    "batch:\(id)", ["status": "paused", "pausedAt": since].merging(more) { $1 }, index: "batches",
                    id: id)
            }
            let before = try await scene.dump()
            let run = try await scene.run("batches")
            #expect(run.actions == ["cancel": 2, "warn": 1, "mark": 1])
            let touched = try #require(try await scene.hash("batch:a")["updatedAt"])
            #expect(touched.wholeMatch(of: /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil && touched > old, "\(touched)")
            #expect(try await scene.hash("batch:b")["updatedAt"] == old)
            #expect(try await scene.hash("batch:c")["updatedAt"] == old)
            #expect(try await scene.hash("batch:d")["updatedAt"] == nil)
            #expect(try await scene.undo(run.run).cleanedUp == 4)
            let after = try await scene.dump()
            for id in ["a", "b", "c", "d"] { #expect(after["batch:\(id)"] == before["batch:\(id)"]) }
        }
    }

    @Test("touch sets what it names with every change of state, in hashes and in JSON, and undo takes it back")
    func touch() async throws {
        for format in ["hash", "json"] {
            try await withSweepScene(Self.jobs("  touch: [updatedAt, seen.at]", format: format)) { scene in
                let start = (scene.began - .seconds(600)).milliseconds
                if format == "json" {
                    let text =
                        #"{"status":"PROCESSING","startedAt":\#(start),"cost":9,"userId":"42","updatedAt":1,"seen":{"at":\#(start)}}"#
                    _ = try await scene.send("SET", "job:7", text)
                    _ = try await scene.send("ZADD", "jobs", "1", "7")
                } else {
                    try await job(scene, "7", ["updatedAt": "never"])
                }
                let before = try await scene.dump()["job:7"]
                let run = try await scene.run("stuck-jobs")
                #expect(run.cleanedUp == 1, "\(run)")
                let now = try await scene.engine.serverClock().now.milliseconds
                if format == "json" {
                    let record = try object(try await scene.text("job:7"))
                    let times = [record["updatedAt"], (record["seen"] as? [String: Any])?["at"]].map { $0 as? Int64 }
                    #expect(times.allSatisfy { ($0 ?? 0) > start && ($0 ?? .max) <= now }, "\(record)")
                } else {
                    let record = try await scene.hash("job:7")
                    #expect(record["updatedAt"] == record["finishedAt"] && record["seen.at"] == record["finishedAt"])
                }
                #expect(try await scene.undo(run.run).cleanedUp == 1)
                #expect(try await scene.dump()["job:7"] == before)
            }
        }
    }

    @Test("carry copies fields into the event of every change, whatever they hold, and nothing where they are absent")
    func carry() async throws {
        try await withSweepScene(Self.jobs("  carry: [userId, email, phone]")) { scene in
            let odd = "o\u{22}'\n\\\u{202E}@b.test"
            try await job(scene, "7", ["email": odd])
            #expect(try await scene.run("stuck-jobs").cleanedUp == 1)
            let carried = try object(try await event(scene)["carry"]?.readable)
            #expect(carried as? [String: String] == ["userId": "42", "email": odd])
        }
        try await withSweepScene(Self.jobs()) { scene in
            try await job(scene)
            #expect(try await scene.run("stuck-jobs").cleanedUp == 1)
            #expect(try await event(scene).fields.allSatisfy { $0.name != "carry" })
        }
    }

    @Test("a refund leaves one transaction where the app keeps its history, and none where nothing is paid")
    func transaction() async throws {
        try await withSweepScene(Self.jobs(record: #"record: {to: "user:<userId>:history"}"#)) { scene in
            try await job(scene)
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 1 && run.tokensRefunded == 9, "\(run)")
            let list = try await scene.send("LRANGE", "user:42:history", "0", "-1").elements.map(\.string)
            #expect(list.count == 1)
            let entry = try object(list.first ?? nil)
            #expect(entry["type"] as? String == "REFUND" && entry["amount"] as? Int == 9)
            #expect(
                entry["job"] as? String == "7" && (entry["reason"] as? String)?.hasPrefix("stuck in PROCESSING") == true
            )
            #expect(Int64(entry["time"] as? String ?? "") ?? 0 > scene.began.milliseconds - 1)

            // The same charge again: it was paid back before, and there is no second transaction.
            let start = try #require(try await scene.hash("job:7")["startedAt"])
            try await job(scene, "7", ["startedAt": start])
            let again = try await scene.run("stuck-jobs")
            #expect(again.cleanedUp == 1 && again.refundedBefore == 1, "\(again)")
            #expect(try await scene.send("LLEN", "user:42:history").integer == 1)
            #expect(try await scene.text("user:42:tokens") == "9")
        }
    }

    @Test(
        "the transaction goes into a key of any kind, in the app's own words, and undo takes it out",
        arguments: [
            (
                #"{to: "tx:<userId>", at: head, json: {kind: REFUND, tokens: "<amount>", note: "<cleanup>/<run>"}}"#,
                "list"
            ),
            (#"{to: "tx:<userId>", score: "<now:s>", member: "<id>:<amount>"}"#, "zset"),
            (#"{to: "tx:<userId>", kind: set, value: "refund of <id>"}"#, "set"),
            (#"{to: "tx:<userId>", field: "<id>:refund", json: {a: "<amount>", until: "<now:s+1y>"}}"#, "hash"),
            (#"{to: "tx:<userId>:<id>", kind: hash, entry: {type: REFUND, empty: "", amount: "<amount>"}}"#, "hash"),
            (#"{to: "tx:<userId>:<id>", as: text, ttl: 7d, value: "<amount> <from> <to>"}"#, "string"),
        ])
    func kinds(record: String, type: String) async throws {
        try await withSweepScene(Self.jobs(record: "record: \(record)")) { scene in
            try await job(scene)
            let key = record.contains(":<id>\"") && !record.contains("field") ? "tx:42:7" : "tx:42"
            if key == "tx:42", type == "list" { _ = try await scene.send("RPUSH", key, "older") }
            let before = try await scene.dump()
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 1 && run.failed == 0, "\(run)")
            #expect(try await scene.send("TYPE", key).string == type)
            switch record {
            case _ where record.contains("note"):
                let first = try #require(try await scene.send("LINDEX", key, "0").string)
                #expect(first == #"{"kind":"REFUND","tokens":9,"note":"stuck-jobs/\#(run.run)"}"#)
            case _ where type == "zset": #expect(try await scene.score("7:9", in: key) != nil)
            case _ where type == "set":
                #expect(try await scene.send("SMEMBERS", key).elements.map(\.string) == ["refund of 7"])
            case _ where record.contains("field"):
                let text = try object(try await scene.hash(key)["7:refund"])
                #expect(text["a"] as? Int == 9)
                #expect((text["until"] as? Int64 ?? 0) > scene.began.milliseconds / 1_000 + 364 * 86_400)
            case _ where type == "hash":
                #expect(try await scene.hash(key) == ["type": "REFUND", "empty": "", "amount": "9"])
            default:
                #expect(try await scene.text(key) == "9 PROCESSING FAILED")
                #expect((try await scene.send("PTTL", key).integer ?? 0) > 6 * 86_400_000)
            }
            let undone = try await scene.undo(run.run)
            #expect(undone.cleanedUp == 1, "\(undone)")
            let after = try await scene.dump()
            #expect(after[key] == before[key] && after["job:7"] == before["job:7"])
            #expect(try await scene.text("user:42:tokens") == "0")
        }
    }

    @Test("a history of another kind is the record's error, and nothing of the change is made")
    func wrongKind() async throws {
        let record = #"record: {to: "user:<userId>:history", kind: list}"#
        try await withSweepScene(Self.jobs(record: record)) { scene in
            try await job(scene)
            _ = try await scene.send("SET", "user:42:history", "text")
            let before = try await scene.dump()
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 0 && run.failed == 1, "\(run)")
            #expect(run.errors.first?.error.contains("user:42:history is a string: expected a list") == true, "\(run)")
            let after = try await scene.dump()
            #expect(after["job:7"] == before["job:7"] && after["user:42:history"] == before["user:42:history"])
            #expect(try await scene.existing("user:42:tokens", "user:42:refunds") == 0)
        }
    }

    @Test("an event that says that something was put into a key of somebody else's is not believed")
    func forged() async throws {
        try await withSweepScene(Self.jobs(record: #"record: {to: "tx:<userId>"}"#)) { scene in
            try await job(scene)
            _ = try await scene.send("RPUSH", "admins", "root")
            let run = try await scene.run("stuck-jobs")
            let own = try await event(scene)
            let forged = try #require(own["before"]).replacing("\"tx:42\"", with: "\"admins\"")
            let fields = own.fields.flatMap { [$0.name, $0.name == "before" ? forged : $0.value] }
            _ = try await scene.redis.send(RedisCommand("XDEL", [scene.keys.events, own.id]))
            _ = try await scene.redis.send(RedisCommand("XADD", [scene.keys.events, "*"] + fields))
            let undone = try await scene.undo(run.run)
            #expect(undone.cleanedUp == 0 && undone.failed == 1, "\(undone)")
            #expect(undone.errors.first?.error.contains("admins") == true)
            #expect(try await scene.send("LLEN", "admins").integer == 1)
        }
    }

    @Test(
        "what is put takes the place of something that was there, and undo puts that back as it was",
        arguments: [
            (
                #"{to: "tx:<userId>", kind: hash, field: last, value: "<amount>"}"#,
                ["HSET", "tx:42", "last", "99", "n", "1"]
            ),
            (
                #"{to: "tx:<userId>", kind: hash, entry: {type: REFUND, n: "<amount>"}}"#,
                ["HSET", "tx:42", "n", "-5", "x", "1"]
            ),
            (#"{to: "tx:<userId>", kind: set, value: "<id>:<amount>"}"#, ["SADD", "tx:42", "7:9", "other"]),
            (#"{to: "tx:<userId>", score: "<now:ms>", member: "<id>"}"#, ["ZADD", "tx:42", "1.5", "7", "2", "8"]),
            (#"{to: "tx:<userId>", as: text, value: "<amount>"}"#, ["SET", "tx:42", "old text", "EX", "5000"]),
            (#"{to: "tx:<userId>", as: text, value: "<amount>", ttl: 1h}"#, ["SET", "tx:42", "old"]),
            (#"{to: "tx:<userId>", value: "<id>"}"#, ["SADD", "tx:42", "7"]),
        ])
    func writtenOver(record: String, before: [String]) async throws {
        try await withSweepScene(Self.jobs(record: "record: \(record)")) { scene in
            try await job(scene)
            #expect(try await scene.redis.send(RedisCommand(before[0], Array(before.dropFirst()))).error == nil)
            let was = try await scene.dump()
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 1 && run.tokensRefunded == 9, "\(run)")
            let undone = try await scene.undo(run.run)
            #expect(undone.cleanedUp == 1 && undone.skipped == 0, "\(undone)")
            let now = try await scene.dump()
            #expect(now["tx:42"] == was["tx:42"] && now["job:7"] == was["job:7"])
            let time = try await scene.send("PTTL", "tx:42").integer ?? 0
            #expect(before.contains("EX") ? (4_000_000...5_000_000).contains(time) : time == -1, "\(time)")
        }
    }

    @Test("a second charge of the same job is a second entry, and undo of its refund takes only that one")
    func twice() async throws {
        try await withSweepScene(Self.jobs(record: #"record: {to: "tx:<userId>", kind: hash}"#)) { scene in
            try await job(scene)
            #expect(try await scene.run("stuck-jobs").tokensRefunded == 9)
            let first = try await scene.hash("tx:42")
            let start = String((scene.began - .seconds(500)).milliseconds)
            try await job(scene, "7", ["startedAt": start, "cost": "7"])
            let run = try await scene.run("stuck-jobs")
            #expect(run.tokensRefunded == 7)
            #expect(try await scene.hash("tx:42").count == 2)
            #expect(try await scene.undo(run.run).cleanedUp == 1)
            #expect(try await scene.hash("tx:42") == first)
            #expect(try await scene.text("user:42:tokens") == "9")
        }
    }

    @Test(
        "what would go into a key that the same change writes as something else is the record's error, and nothing is done",
        arguments: [
            (#"{to: "user:<userId>:<slot>"}"#, ["slot": "tokens"], "the balance of the refund"),
            (#"{to: "user:<userId>:<slot>", kind: hash}"#, ["slot": "refunds"], "the ledger of the refund"),
            (#"{to: "job:<slot>", kind: hash, field: status, value: RUNNING}"#, ["slot": "7"], "the record itself"),
            (
                #"[{to: "p:<userId>", as: text, value: a}, {to: "p:<slot>", kind: list, member: b}]"#, ["slot": "42"],
                "written as something else by the same change"
            ),
        ])
    func collisions(record: String, more: [String: String], expected: String) async throws {
        try await withSweepScene(Self.jobs(record: "record: \(record)")) { scene in
            try await job(scene, "7", more)
            try await job(scene, "8", ["slot": "history"])
            let before = try await scene.dump()
            let dry = try await scene.run("stuck-jobs", isDryRun: true)
            let run = try await scene.run("stuck-jobs")
            for result in [dry, run] {
                #expect(result.failed == 1 && result.errors.first?.id == "7", "\(result)")
                #expect(result.errors.first?.error.contains(expected) == true, "\(result)")
            }
            #expect(run.cleanedUp == 1)
            #expect(try await scene.dump()["job:7"] == before["job:7"])
            #expect(try await scene.text("user:42:tokens") == "9")
        }
    }

    @Test("what is too large for an event is put all the same, and the event says that an undo can't put it back")
    func large() async throws {
        let record = #"record: {to: "tx:<userId>", json: {what: "<big>"}}"#
        try await withSweepScene(Self.jobs(record: record)) { scene in
            try await job(scene, "7", ["big": String(repeating: "x", count: 200_000)])
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 1)
            let image = try #require(try await event(scene)["before"])
            #expect(image.utf8.count < 4_096 && image.contains("curfew:cut"))
            #expect(SweepScene.left(try await scene.undo(run.run))["7"]?.contains("200") == true)
            #expect(try await scene.send("LLEN", "tx:42").integer == 1)
        }
    }

    @Test("what is only copied or looked at may hold anything, and what an application gets is JSON")
    func anything() async throws {
        let jobs = Self.jobs(
            "  carry: [meta, userId]", record: #"record: {to: "tx:<userId>", json: {name: "<name>"}}"#, format: "json")
        try await withSweepScene(jobs) { scene in
            let start = (scene.began - .seconds(600)).milliseconds
            let text =
                #"{"status":"PROCESSING","startedAt":\#(start),"cost":9,"userId":"42","name":"aÿ","meta":{"a":[1]},"cut":"\#("\\")ud83d"}"#
            var bytes = Array(text.utf8)
            // A byte that is no UTF-8, as an application in another encoding writes it.
            let place = try #require(bytes.firstIndex(of: 0xC3))
            bytes.replaceSubrange(place...place + 1, with: [0xFF])
            #expect(try await scene.redis.send(RedisCommand("SET", ["job:7", ByteText.held(bytes)])).error == nil)
            _ = try await scene.send("ZADD", "jobs", "1", "7")
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 1 && run.failed == 0, "\(run)")
            let carried = try object(try await event(scene)["carry"]?.readable)
            #expect(carried["meta"] as? String == #"{"a":[1]}"#)
            let entry = try #require(try await scene.send("LINDEX", "tx:42", "0").bytes)
            #expect(String(validating: entry, as: UTF8.self) == "{\"name\":\"a\u{FFFD}\"}")
        }
    }
}

import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Times that can't be, times of another zone, and records that haven't ended.
@Suite("sweep: times as applications write them", .tags(.ownServer), .everyTopology)
struct SweepTimesTests {
    private static let builds = """
        stuck-builds:
          policy: stuck
          every: 5m
          records: build:<id>
          states: [pending]
          since: [start_time, create_time]
          timeout: 1h
          to: errored
          refund: {amount: cost, balance: "team:<team>:credits", ledger: "team:<team>:refunds"}
        old-builds: {policy: retention, every: 1h, records: "build:<id>", since: [end_time], keep: 30d, guard: off}
        """

    @Test("a start of nothing lets the next field count; one that can't be is an error, and nobody is refunded")
    func nothings() async throws {
        try await withSweepScene(Self.builds) { scene in
            let made = WrittenTime.seconds.text(scene.began - .seconds(60))
            for (id, start) in [("zero", "0"), ("epoch", "1970-01-01T00:00:00Z"), ("year-1", "0001-01-01T00:00:00Z")] {
                let build = ["status": "pending", "start_time": start, "create_time": made, "end_time": "0"]
                try await scene.write("build:\(id)", build.merging(["cost": "5", "team": "a"]) { $1 })
            }
            let boot = ["status": "pending", "start_time": "81234.567", "create_time": made, "cost": "5", "team": "a"]
            try await scene.write("build:boot", boot)
            let before = try await scene.dump()
            _ = try await scene.send("ZADD", scene.keys.index("stuck-builds"), "1", "zero", "1", "epoch", "1", "year-1")
            _ = try await scene.send("ZADD", scene.keys.index("stuck-builds"), "1", "boot")
            let result = try await scene.run("stuck-builds")
            #expect(result.cleanedUp == 0 && result.errors.map(\.id) == ["boot"])
            _ = try await scene.send("ZADD", scene.keys.index("old-builds"), "1", "zero", "1", "boot")
            let old = try await scene.run("old-builds")
            #expect(old.status == .completed && old.totalFound == 0)
            #expect(try await scene.dump() == before)
            let score = try #require(try await scene.score("zero", in: scene.keys.index("old-builds")))
            #expect(score > scene.began.milliseconds)
        }
    }

    @Test("times without a zone are those of the zone that is said, and are written back so")
    func zone() async throws {
        let cleanup = """
            tasks: {policy: stuck, every: 5m, records: "task:<id>", index: tasks, states: [running], since: [started_at],
              timeout: 30m, to: failed, zone: Asia/Singapore}
            """
        try await withSweepScene(cleanup) { scene in
            let form = TimeForm.iso8601(.init(fractionDigits: 6, zone: .none))
            for (id, age) in [("young", 60), ("old", 3 * 3_600)] {
                let local = scene.began + .seconds(8 * 3_600 - age)
                let task = ["status": "running", "started_at": form.text(for: local)]
                try await scene.write("task:\(id)", task, index: "tasks", id: id)
            }
            let result = try await scene.run("tasks")
            #expect(result.cleanedUp == 1 && result.errors.isEmpty)
            #expect(try await scene.hash("task:young")["status"] == "running")
            let finished = try #require(try await scene.hash("task:old")["finishedAt"])
            let time = try #require(RecordTime(text: finished))
            #expect(time.timestamp >= scene.began + .seconds(8 * 3_600 - 1))
            #expect(time.timestamp < scene.began + .seconds(8 * 3_600 + 600))
        }
    }

    @Test("a start that is far ahead is an error, not a wait for years")
    func future() async throws {
        let cleanup = """
            tasks: {policy: stuck, every: 5m, records: "task:<id>", index: tasks, states: [running], since: [started_at],
              timeout: 30m, to: failed}
            """
        try await withSweepScene(cleanup) { scene in
            let start = WrittenTime.milliseconds.text(scene.began + .seconds(2 * 86_400))
            try await scene.write("task:a", ["status": "running", "started_at": start], index: "tasks", id: "a")
            let result = try await scene.run("tasks")
            #expect(result.errors.map(\.id) == ["a"])
            #expect(result.errors.first?.error.contains("from now, expected a time at most a day ahead") == true)
        }
    }

    @Test("an unfinished record is no error of a retention, and no status is a status")
    func unfinished() async throws {
        for states in ["", "states: [\"\"], ", "states: [null, done], "] {
            let cleanup = """
                old-mails: {policy: retention, every: 1h, records: "bull:mail:<id>", index: mails, since: [finishedOn],
                  \(states)keep: 7d, guard: off}
                """
            try await withSweepScene(cleanup) { scene in
                let old = WrittenTime.milliseconds.text(scene.began - .seconds(8 * 86_400))
                try await scene.write("bull:mail:1", ["name": "hi", "finishedOn": old], index: "mails", id: "1")
                try await scene.write("bull:mail:2", ["name": "hi", "processedOn": old], index: "mails", id: "2")
                try await scene.write("bull:mail:meta", ["opts.maxLenEvents": "1"], index: "mails", id: "meta")
                let result = try await scene.run("old-mails")
                #expect(result.status == .completed && result.cleanedUp == 1 && result.errors.isEmpty)
                #expect(try await scene.existing("bull:mail:1", "bull:mail:2", "bull:mail:meta") == 2)
                #expect(try await scene.members("mails") == ["2", "meta"])
            }
        }
    }
}

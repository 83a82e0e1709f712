import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Keys of the application that fit the template of a cleanup and are none of its records.
@Suite("keys that only look alike", .tags(.ownServer), .everyTopology)
struct LookalikeTests {
    private static func old(_ more: String = "", records: String = "task:<id>") -> String {
        """
        old: {policy: retention, every: 5m, records: "\(records)", states: [done], since: [at], keep: 1d, guard: off\(more)}
        """
    }

    private func write(_ keys: [String], _ scene: SweepScene) async throws {
        for key in keys {
            try await scene.write(
                key, ["status": "done", "at": String((scene.began - .seconds(864_000)).milliseconds)])
        }
    }

    private func isThere(_ key: String, _ scene: SweepScene) async throws -> Bool {
        try await scene.send("EXISTS", key).integer == 1
    }

    @Test(
        "only and except keep them out of a scan",
        arguments: [", only: {id: \"[0-9]+\"}", ", except: {id: [\".*:log\", meta]}"])
    func patterns(more: String) async throws {
        try await withSweepScene(Self.old(more)) { scene in
            try await write(["task:1", "task:2", "task:1:log", "task:meta"], scene)
            let result = try await scene.run("old")
            #expect(result.records.map(\.id).sorted() == ["1", "2"])
            #expect(try await isThere("task:1:log", scene))
            #expect(try await isThere("task:meta", scene))
        }
    }

    @Test("what Curfew's index holds from before goes out of it, and the application's index is left as it is")
    func listed() async throws {
        for index in [nil, "tasks:due"] {
            let more = index.map { ", index: \($0)" } ?? ""
            try await withSweepScene(Self.old(more + ", only: {id: \"[0-9]+\"}")) { scene in
                try await write(["task:1", "task:meta"], scene)
                let key = index ?? scene.keys.index("old")
                let score = String((scene.began - .seconds(60)).milliseconds)
                _ = try await scene.send("ZADD", key, score, "1", score, "meta")
                let result = try await scene.run("old")
                #expect(result.records.map(\.id) == ["1"])
                #expect(try await isThere("task:meta", scene))
                #expect(try await scene.send("ZRANGE", key, "0", "-1").elements.count == (index == nil ? 0 : 1))
            }
        }
    }

    @Test("without a pattern the character after the gap ends the id")
    func separator() async throws {
        try await withSweepScene(Self.old(records: "task:<id>:state")) { scene in
            try await write(["task:1:state", "task:1:child:state"], scene)
            #expect(try await scene.run("old").records.map(\.id) == ["1"])
            #expect(try await isThere("task:1:child:state", scene))
        }
    }

    @Test("doctor remarks on ids of two shapes, and says how to keep one out")
    func shapes() async throws {
        try await withSweepScene(Self.old()) { scene in
            try await write(["task:1", "task:2", "task:17"], scene)
            #expect(try await Doctor(engine: scene.engine).records().map(\.state) == [.ok])
            try await write(["task:1:log"], scene)
            let findings = try await Doctor(engine: scene.engine).records()
            #expect(
                findings.map(\.message) == ["old: ids of two shapes under task:<id>: 3 like 1, 1 like 1:log"])
            #expect(findings.first?.advice?.contains("only: {id: \"[0-9]+\"}") == true)
        }
        try await withSweepScene(Self.old(", except: {id: \".*:log\"}")) { scene in
            try await write(["task:1", "task:1:log"], scene)
            #expect(try await Doctor(engine: scene.engine).records().map(\.state) == [.ok])
        }
    }

    @Test(
        "keys of job systems that look like their jobs are remarked upon, whichever are more",
        arguments: [
            ["1", "2", "3", "1:logs"], ["1", "2", "meta", "wait", "active", "events"], ["meta", "id", "1", "1:logs"],
            ["0fc3a6d8-19b0-4a17-9d43-0e5c0d5a86b1", "0fc3a6d8-19b0-4a17-9d43-0e5c0d5a86b1:dependents"],
            ["0fc3a6d8-19b0-4a17-9d43-0e5c0d5a86b1", "queue", "schedule", "retry"],
            ["a1b2c3d4e5f60718293a4b5c", "a1b2c3d4e5f60718293a4b5c:work", "0b9a8f7e6d5c4b3a29181706"],
        ])
    func jobSystems(ids: [String]) throws {
        let text = "redis: redis://h\ncleanups:\n  \(Self.old())"
        let configuration = try Configuration.parse(text, file: "", environment: [:])
        let cleanup = try #require(configuration.cleanups.first)
        #expect(Doctor.remark(onShapesOf: ids, of: cleanup)?.message.contains("ids of two shapes") == true)
    }

    @Test(
        "shapes that chance makes are no matter of remark",
        arguments: [["deadbeef", "12345678", "a1b2c3d4"], ["abcd", "4x9z"], ["a@b.c", "a.b@c.d"]])
    func chance(ids: [String]) throws {
        let text = "redis: redis://h\ncleanups:\n  \(Self.old())"
        let configuration = try Configuration.parse(text, file: "", environment: [:])
        let cleanup = try #require(configuration.cleanups.first)
        #expect(Doctor.remark(onShapesOf: ids, of: cleanup) == nil)
    }
}

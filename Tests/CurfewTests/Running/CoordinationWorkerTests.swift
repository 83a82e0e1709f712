import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("workers", .tags(.ownServer), .timeLimit(.minutes(5)))
struct CoordinationWorkerTests {
    /// Runs workers until the body is through, then stops those that it has not stopped.
    private func withWorkers(_ engines: [Engine], _ body: ([Worker]) async throws -> Void) async throws {
        let workers = engines.map(Worker.init(engine:))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in workers { group.addTask { try await worker.run() } }
            defer { for worker in workers { worker.stop() } }
            try await body(workers)
        }
    }

    @Test("two workers share three cleanups: runs of one never overlap, fences grow, each occurrence is run once")
    func share() async throws {
        let cleanup = "policy: stuck, every: 1s, states: [RUNNING], since: [at], timeout: 1m, to: FAILED"
        let text =
            "worker: {heartbeat: 1s}\ncleanups:\n"
            + ["a", "b", "c"].map { "  \($0): {\(cleanup), records: \"\($0):<id>\", index: \($0)s}\n" }.joined()
        try await withInstances(text) { scene in
            try await withWorkers([try scene.engine("one"), try scene.engine("two")]) { _ in
                try await eventually("some runs of each", within: .seconds(60)) {
                    let runs = try await scene.stream(scene.keys.runs)
                    return ["a", "b", "c"].allSatisfy { name in runs.count { $0["cleanup"] == name } >= 4 }
                }
            }
            let runs = try await scene.stream(scene.keys.runs)
            for name in ["a", "b", "c"] {
                let own = runs.filter { $0["cleanup"] == name }
                let fences = own.compactMap { $0["fence"].flatMap { Int($0) } }
                #expect(fences == Array(1...own.count))
                #expect(Set(own.compactMap { $0["due_ms"] }).count == own.count)
                for (earlier, later) in zip(own, own.dropFirst()) {
                    let (end, start) = (Int64(earlier["finished_ms"] ?? ""), Int64(later["started_ms"] ?? ""))
                    #expect(try #require(end) <= (try #require(start)))
                }
            }
            // Both have signed off.
            #expect(try await scene.send("EXISTS", scene.keys.instances).integer == 0)
        }
    }

    @Test("a worker that is stopped in the middle of a run hands it over, and the other goes on at once")
    func handOver() async throws {
        try await withInstances { scene in
            let count = 12_000
            try await scene.stick(1...count)
            try await withWorkers([try scene.engine("one")]) { workers in
                try await eventually("the run to be under way", every: .milliseconds(2)) {
                    (try await scene.send("ZCARD", "jobs").integer ?? 0) < Int64(count)
                }
                workers[0].stop()
            }
            let handed = try #require(try await scene.stream(scene.keys.runs).last)
            #expect(handed["status"] == "cancelled")
            #expect(handed["error"]?.contains("handed over") == true)
            try await withWorkers([try scene.engine("two")]) { _ in
                try await eventually("the rest") { try await scene.send("ZCARD", "jobs").integer == 0 }
                try await eventually("the end of the run") { try await scene.stream(scene.keys.runs).count == 2 }
            }
            let runs = try await scene.stream(scene.keys.runs)
            #expect(runs.map { $0["instance"] } == ["one", "two"])
            #expect(runs.compactMap { $0["changed"].flatMap { Int($0) } }.reduce(0, +) == count)
            let records = try await scene.stream(scene.keys.events).compactMap { $0["record"] }
            #expect(records.count == count)
            #expect(Set(records).count == count)
        }
    }

    @Test("a library that replaced a worker's own is replaced again", .enabled(if: RedisServer.hasFunctions))
    func reloads() async throws {
        try await withInstances("worker: {heartbeat: 500ms}\n" + CoordinationScene.jobs) { scene in
            let engine = try scene.engine("one")
            try await withWorkers([engine]) { _ in
                try await eventually("the library") {
                    try await engine.functions.isLoaded()
                }
                // The one says another version, the other answers under other names.
                let others = [
                    FunctionLibrary.source.replacing("  return VERSION\n", with: "  return VERSION .. 'x'\n")
                        .replacing("{'version', VERSION, ", with: "{'version', VERSION .. 'x', "),
                    FunctionLibrary.source.replacing("'\(FunctionLibrary.version)'", with: "'0'"),
                ]
                let node = try #require(try await engine.redis.primaries().first)
                for other in others {
                    try await scene.send("FUNCTION", "LOAD", "REPLACE", other)
                    try await eventually("the library again") {
                        try await engine.functions.loaded(on: node).own == .same
                    }
                }
            }
        }
    }

    @Test("a worker that starts before Redis does works when Redis is there, and tells of itself")
    func startsEarly() async throws {
        try await withInstances("worker: {heartbeat: 500ms}\n" + CoordinationScene.jobs) { scene in
            await scene.server.kill()
            try await withWorkers([try scene.engine("one")]) { _ in
                try await scene.server.restart()
                try await eventually("the heartbeat") {
                    do {
                        return try await scene.send("HGET", scene.keys.instance("one"), "config").string != nil
                    } catch let error as RedisError where error.code != .server {
                        return false
                    }
                }
                try await eventually("the first run") { try await scene.stream(scene.keys.runs).count == 1 }
            }
        }
    }
}

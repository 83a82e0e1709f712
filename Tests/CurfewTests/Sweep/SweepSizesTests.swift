import Foundation
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Whoever owns a record decides how large it is: that is his record's error at most, and never the run's.
@Suite("sweep: sizes", .tags(.ownServer), .everyTopology)
struct SweepSizesTests {
    /// A field of more than is read.
    private static let tooLong = String(repeating: "a", count: ReplySize.recordValueBytes + 1)
    /// A field that is read, of which eight fill an answer.
    private static let long = String(repeating: "a", count: ReplySize.recordValueBytes - 100)

    private func expectOneError(_ result: RunResult, of id: String, _ parts: String...) {
        #expect(result.errors.map(\.id) == [id], "\(result.message)")
        for part in parts + ["1048577 bytes", "expected at most 1048576"] {
            #expect(result.errors.first?.error.contains(part) == true, "\(result.errors)")
        }
    }

    @Test("a field of more than a mebibyte is its record's error, which names it, and the others go on")
    func field() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            for number in 0..<20 { try await scene.stick("\(number)") }
            _ = try await scene.send("HSET", "job:7", "error", Self.tooLong)
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("stuck-jobs"))
            expectOneError(preview, of: "7", "job:7: error has")
            let result = try await scene.run("stuck-jobs")
            #expect(result.cleanedUp == 19 && result.status == .completedWithErrors)
            expectOneError(result, of: "7", "job:7: error has")
            expectOneError(try await scene.run("stuck-jobs"), of: "7", "job:7: error has")
            let explained = try await Explanation.make(
                engine: scene.engine, cleanup: try scene.cleanup("stuck-jobs"), id: "7")
            #expect(explained.verdict == "error" && explained.reason.contains("job:7: error has 1048577 bytes"))
            _ = try await scene.send("HDEL", "job:7", "error")
            #expect(try await scene.run("stuck-jobs").cleanedUp == 1)
        }
    }

    @Test("records that don't fit into one answer are dealt with in smaller pages, each once")
    func pages() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            for number in 0..<60 {
                try await scene.stick("\(number)")
                if number % 2 == 0 { _ = try await scene.send("HSET", "job:\(number)", "error", Self.long) }
            }
            let result = try await scene.run("stuck-jobs")
            #expect(result.cleanedUp == 60 && result.totalFound == 60 && result.failed == 0, "\(result.errors)")
            #expect(try await scene.members("jobs:deadlines").isEmpty)
        }
    }

    @Test("JSON of more than a mebibyte is its record's error")
    func document() async throws {
        try await withSweepScene(SweepJSON.counters) { scene in
            let at = WrittenTime.iso8601.text(scene.began - .seconds(4 * 3_600))
            let text =
                "{\"name\":\"g\",\"status\":\"processing\",\"at\":\"\(at)\",\"tasks\":{\"total\":1,\"done\":1},\"x\":\"\"}"
            let padding = String(repeating: "x", count: ReplySize.recordValueBytes + 1 - text.utf8.count)
            try await scene.write(
                json: text.replacing("\"x\":\"\"", with: "\"x\":\"\(padding)\""), "generation:big",
                index: "generations",
                id: "big")
            expectOneError(try await scene.run("stuck-generations"), of: "big", "generation:big has")
        }
    }

    @Test("a lock whose value is too long is its own error, as text and as a hash")
    func locks() async throws {
        let cleanup = """
            locks: {policy: locks, every: 1h, records: "lock:<id>", index: locks, timeout: 1h, guard: off}
            """
        try await withSweepScene(cleanup) { scene in
            for id in ["text", "hash", "small"] { _ = try await scene.send("ZADD", "locks", "1", id) }
            _ = try await scene.send("SET", "lock:text", Self.tooLong)
            _ = try await scene.send("HSET", "lock:hash", "holder", Self.tooLong)
            _ = try await scene.send("SET", "lock:small", "w1")
            let result = try await scene.run("locks")
            #expect(Set(result.errors.map(\.id)) == ["text", "hash"], "\(result)")
            for error in result.errors {
                #expect(error.error.contains("lock:\(error.id)") && error.error.contains("1048577 bytes"), "\(error)")
            }
        }
    }

    @Test("a related field that is too long is the error of the record that needs it")
    func related() async throws {
        let cleanup = """
            waiting:
              policy: dependent
              every: 1h
              records: step:<id>
              index: steps
              states: [waiting]
              since: [at]
              parent: job:<job>
              parent-states: [RUNNING]
              to: cancelled
            """
        try await withSweepScene(cleanup) { scene in
            let at = String((scene.began - .seconds(3_600)).milliseconds)
            for id in ["a", "b"] {
                try await scene.write("step:\(id)", ["status": "waiting", "at": at, "job": id], index: "steps", id: id)
            }
            _ = try await scene.send("HSET", "job:a", "status", Self.tooLong)
            _ = try await scene.send("HSET", "job:b", "status", "FAILED")
            let result = try await scene.run("waiting")
            #expect(result.cleanedUp == 1, "\(result)")
            expectOneError(result, of: "a", "job:a, field status")
        }
    }

    @Test("long ids are read in smaller pieces")
    func ids() async throws {
        let cleanup = """
            old: {policy: retention, every: 1h, records: "old:<id>", index: olds, since: [at], keep: 1h, guard: off}
            """
        // On a Cluster the index is read in the same way, and long texts take long where nothing is optimised.
        guard !EveryTopology.isCluster else { return }
        try await withSweepScene(cleanup) { scene in
            let at = String((scene.began - .seconds(7_200)).milliseconds)
            for number in 0..<9 {
                let id = String(repeating: "i", count: 1_000_000) + "\(number)"
                try await scene.write("old:\(id)", ["at": at], index: "olds", id: id)
            }
            let result = try await scene.run("old")
            #expect(result.cleanedUp == 9 && result.failed == 0, "\("\(result)".prefix(1_000))")
        }
    }
}

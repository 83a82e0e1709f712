import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// A cleanup that no file has any more goes off the schedule when a person says so.
    @Suite("forgetting a cleanup", .tags(.processes))
    struct Forgetting {
        private static let without = """
            cleanups:
              old-locks: {policy: locks, every: 30m, records: "lock:<id>", index: locks, since: [at], timeout: 3h}
            """
        private static let indexed = CommandLineScene.cleanups.replacing("    index: jobs:deadlines\n", with: "")

        /// Takes everything but `old-locks` out of the file.
        private func shorten(_ scene: CommandLineScene) throws {
            try "redis: \(scene.server.url)\n\(Self.without)\n".write(
                toFile: scene.configuration, atomically: true, encoding: .utf8)
        }

        private func keys(_ scene: CommandLineScene) async throws -> [String] {
            let found = try await scene.redis.send(RedisCommand("KEYS", ["{curfew}:*:stuck-jobs"]))
            return found.elements.compactMap(\.string).sorted()
        }

        @Test("it goes with its pause, its definition and the index that Curfew kept; history and fence stay")
        func forgotten() async throws {
            try await withCommandLine(Self.indexed) { scene in
                try await scene.jobs(1_200, age: 1)
                let other = try scene.other("other-1")
                let run = try await scene.curfew("run", "stuck-jobs", "--json")
                #expect(run.code == 0, "\(run)")
                try await Operations(engine: other).pause("stuck-jobs", by: "ada", why: "it goes")
                #expect(try await keys(scene).contains("{curfew}:index:stuck-jobs"))
                try shorten(scene)
                let answer = try await scene.curfew("forget", "stuck-jobs", "--json")
                #expect(answer.code == 0, "\(answer)")
                let object = try answer.object()
                #expect(object["success"] as? Bool == true && object["cleanup"] as? String == "stuck-jobs")
                #expect(try await keys(scene) == [])
                for command in [
                    RedisCommand("ZSCORE", ["{curfew}:schedule", "stuck-jobs"]),
                    RedisCommand("HGET", ["{curfew}:paused", "stuck-jobs"]),
                    RedisCommand("HGET", ["{curfew}:definitions", "stuck-jobs"]),
                ] {
                    #expect(try await scene.redis.send(command).string == nil, "\(command)")
                }
                #expect(
                    try await scene.redis.send(RedisCommand("HGET", ["{curfew}:fence", "stuck-jobs"])).string == "1")
                let history = try await scene.curfew("history", "stuck-jobs", "--json")
                #expect(history.code == 0 && history.output.contains("stuck-jobs-1"))
                let events = try await scene.curfew("events", "--action", "forget")
                #expect(events.output.contains("forget by \(NSUserName())@\(Instance.current.host)"), "\(events)")
                #expect(try await scene.curfew("forget", "stuck-jobs").code == 2)
                #expect(try await !scene.curfew("status").output.contains("stuck-jobs "))
            }
        }

        @Test("what the file still has can't be forgotten")
        func configured() async throws {
            try await withCommandLine { scene in
                _ = try await scene.curfew("run", "stuck-jobs")
                let answer = try await scene.curfew("forget", "stuck-jobs")
                #expect(answer.code == 2 && answer.errors.contains("expected it to be removed from the file first"))
            }
        }

        @Test("it is refused while a living instance has it, and done once that has ended")
        func living() async throws {
            try await withCommandLine { scene in
                let folder = scene.server.folder
                let file = "\(folder)/worker.yaml"
                try FileManager.default.copyItem(atPath: scene.configuration, toPath: file)
                let worker = try WorkerProcess(configuration: file, folder: folder)
                try await worker.ready()
                try await eventually("the cleanup has run") {
                    try await scene.redis.send(RedisCommand("XLEN", ["{curfew}:runs"])).integer ?? 0 >= 2
                }
                try shorten(scene)
                let answer = try await scene.curfew("forget", "stuck-jobs")
                #expect(answer.code == 4 && answer.output.isEmpty, "\(answer)")
                #expect(answer.errors.contains("stuck-jobs is in the configuration of "), "\(answer)")
                let score = RedisCommand("ZSCORE", ["{curfew}:schedule", "stuck-jobs"])
                #expect(try await scene.redis.send(score).string != nil)
                #expect(await worker.terminate() == 0)
                #expect(try await scene.curfew("forget", "stuck-jobs").code == 0)
                #expect(try await scene.redis.send(score).string == nil)
            }
        }

        @Test("it is refused while it runs, and after the lease of a dead holder its lost run is named")
        func running() async throws {
            try await withCommandLine("worker: {lease: 2s, heartbeat: 500ms}\n" + CommandLineScene.cleanups) { scene in
                let other = try scene.other("other-1")
                let cleanup = try #require(other.configuration.cleanup(named: "stuck-jobs"))
                _ = try await other.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
                try shorten(scene)
                let answer = try await scene.curfew("forget", "stuck-jobs")
                #expect(answer.code == 4 && answer.errors.contains("is running on other-1 (stuck-jobs-1"), "\(answer)")
                try await eventually("its lease has expired") {
                    try await scene.curfew("forget", "stuck-jobs").code == 0
                }
                #expect(try await keys(scene) == [])
                let events = try await scene.curfew("events", "--run", "stuck-jobs-1")
                #expect(events.output.contains("its run stuck-jobs-1 was lost"), "\(events)")
            }
        }
    }
}

import Foundation
import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// Everything a person does, on three primaries.
    @Suite("on a cluster", .tags(.processes), .timeLimit(.minutes(4)))
    struct OnCluster {
        private static let cleanups = """
            stuck-jobs:
                policy: stuck
                every: 1s
                records: job:<id>
                index: jobs:deadlines
                states: [PROCESSING]
                since: [startedAt]
                timeout: 5m
                to: FAILED
                refund: {amount: cost, balance: "user:<user>:tokens", ledger: "user:<user>:refunds"}
              old-locks: {policy: locks, every: 30m, records: "lock:<id>", since: [at], timeout: 3h}
            """

        private static func withCluster(
            heading: String = "", _ body: (RedisCluster, CommandLineScene) async throws -> Void
        ) async throws {
            try await withClusterAndClient { cluster, redis in
                let server = cluster.members[0].server
                let path = "\(server.folder)/curfew.yaml"
                try "redis: \(cluster.url)\n\(heading)cleanups:\n  \(Self.cleanups)\n"
                    .write(toFile: path, atomically: true, encoding: .utf8)
                try await body(cluster, CommandLineScene(server: server, redis: redis, configuration: path))
            }
        }

        @Test("run, preview, explain, status, events, history, undo and doctor do what they do elsewhere")
        func commands() async throws {
            try await Self.withCluster { _, scene in
                for number in 0..<40 { try await scene.job("\(number)", age: 600) }
                for number in 0..<5 {
                    try await scene.redis.send(RedisCommand("HSET", ["lock:\(number)", "at", "1700000000"]))
                }
                for (line, says) in [
                    ("preview stuck-jobs", "Would clean up 40 of 40"), ("explain stuck-jobs 7", "PROCESSING"),
                    ("run stuck-jobs", "Cleaned up 40 of 40 stuck-jobs and refunded 400 tokens"),
                    ("run old-locks", "Cleaned up 5 of 5"), ("status", "stuck-jobs"), ("history", "completed"),
                    ("events", "fail"), ("stats stuck-jobs", "stuck-jobs"),
                    ("undo stuck-jobs-1", "Put back 40 of 40 records"), ("undo old-locks-1", "Put back 5 of 5 records"),
                    ("explain stuck-jobs 7", "PROCESSING"), ("doctor", "3 primaries"),
                ] {
                    let words = line.split(separator: " ").map(String.init)
                    let answer = try await CommandLineScene.curfew(
                        words + ["--config", scene.configuration], folder: scene.server.folder)
                    #expect(answer.code == 0 && answer.output.contains(says), "\(line): \(answer)")
                }
                #expect(try await scene.redis.send(RedisCommand("GET", ["user:u:tokens"])).string == "0")
            }
        }

        @Test("the check of the configuration says what is one step and what isn't, for people and for programs")
        func check() async throws {
            try await withFolder { folder in
                let path = "\(folder)/curfew.yaml"
                try "redis: redis+cluster://h1:7000,h2:7001\ncleanups:\n  \(Self.cleanups)\n"
                    .write(toFile: path, atomically: true, encoding: .utf8)
                let text = try await CommandLineScene.curfew(["config", "check", "-c", path], folder: folder)
                #expect(text.code == 0 && text.output.contains("IN ONE STEP WITH THE RECORD"), "\(text)")
                #expect(text.output.contains("ledger user:<user>:refunds, balance user:<user>:tokens, events"))
                let json = try await CommandLineScene.curfew(["config", "check", "--json", "-c", path], folder: folder)
                let cleanups = try #require(try json.object()["cleanups"] as? [[String: Any]])
                let cluster = try #require(cleanups[0]["cluster"] as? [String: [String]])
                #expect(cluster["atomic"] == [] && cluster["saga"]?.count == 4 && cluster["readOnly"] == [])
            }
        }

        @Test("with a server away, status shows all that the others have, and says what it could not read")
        func away() async throws {
            try await Self.withCluster { cluster, scene in
                let home = try await cluster.owner(of: "{curfew}:schedule")
                let owner = try await cluster.owner(of: "jobs:deadlines")
                try #require(home.identifier != owner.identifier)
                let partial = RedisCommand("CONFIG", ["SET", "cluster-require-full-coverage", "no"])
                for member in cluster.members { try await cluster.send(partial, to: member) }
                await owner.server.kill()
                let says = "The records of stuck-jobs can't be counted: Redis at \(owner.address): "
                let text = try await scene.curfew("status")
                #expect(text.code == 0 && text.output.contains(says) && text.output.contains("old-locks"), "\(text)")
                let json = try await scene.curfew("status", "--json").object()
                let cleanups = try #require(json["cleanups"] as? [[String: Any]])
                #expect(cleanups.map { $0["tracked"] as? Int } == [nil, 0])
                #expect((cleanups[0]["uncounted"] as? String)?.contains(owner.address) == true)
                #expect(cleanups[1]["uncounted"] == nil)
            }
        }

        @Test("a worker does what is due, and gives its work back when it is told to end")
        func work() async throws {
            try await Self.withCluster { cluster, scene in
                for number in 0..<200 { try await scene.job("\(number)", age: 600, ["user": "\(number % 7)"]) }
                let worker = try WorkerProcess(configuration: scene.configuration, folder: scene.server.folder)
                try await worker.ready()
                try await eventually("all jobs are failed") {
                    try await scene.redis.send(RedisCommand("ZCARD", ["jobs:deadlines"])).integer == 0
                }
                #expect(await worker.terminate() == 0)
                for number in 0..<200 {
                    let status = try await scene.redis.send(RedisCommand("HGET", ["job:\(number)", "status"])).string
                    #expect(status == "FAILED")
                }
                var paid = 0
                for user in 0..<7 {
                    let balance = try await scene.redis.send(RedisCommand("GET", ["user:\(user):tokens"])).string
                    paid += balance.flatMap { Int($0) } ?? 0
                }
                #expect(paid == 2_000)
                #expect(!worker.log.contains("warning") && !worker.log.contains("error"), "\(worker.log)")
            }
        }

        @Test("the rights that are given out suffice on a cluster")
        func rights() async throws {
            try await Self.withCluster { cluster, scene in
                for member in cluster.members {
                    for user in DocumentationRightsTests.files.keys {
                        let rights = try DocumentationRightsTests.rights(of: user)
                        try await cluster.send(RedisCommand(rights[0], Array(rights.dropFirst())), to: member)
                    }
                    try await DocumentationRightsTests.load(member.server)
                }
                for number in 0..<10 { try await scene.job("\(number)", age: 600) }
                try await scene.redis.send(RedisCommand("HSET", ["lock:1", "at", "1700000000"]))
                for line in [
                    "preview", "run stuck-jobs", "run old-locks", "status", "undo stuck-jobs-1", "undo old-locks-1",
                    "stats old-locks", "doctor --rights-of curfew",
                ] {
                    let words = line.split(separator: " ").map(String.init)
                    // Who looks has a user for it.
                    let user = line.hasPrefix("doctor") ? "curfew-doctor" : "curfew"
                    try
                        "redis: \(cluster.url.replacing("://", with: "://\(user):secret@"))\ncleanups:\n  \(Self.cleanups)\n"
                        .write(toFile: scene.configuration, atomically: true, encoding: .utf8)
                    let answer = try await CommandLineScene.curfew(
                        words + ["--config", scene.configuration], folder: scene.server.folder)
                    #expect(answer.code == 0 && !answer.output.contains("unknown:"), "\(line): \(answer)")
                }
                for member in cluster.members {
                    let refusals = try await cluster.send(RedisCommand("ACL", ["LOG"]), to: member)
                    #expect(refusals.count == 0, "\(refusals)")
                }
            }
        }
    }
}

import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Scans beside the runs, by any number of instances.
@Suite("indexing: workers", .tags(.ownServer), .timeLimit(.minutes(5)))
struct IndexingWorkerTests {
    /// Scanned beside the runs, and never run by the schedule meanwhile: its index is the app's.
    private static let text = """
        worker: {lease: 2s, heartbeat: 1s}
        cleanups:
          jobs: {policy: stuck, every: 1h, records: "job:<id>", index: jobs, scan: 1h, states: [RUNNING], since: [at], timeout: 1h, to: FAILED}

        """
    private static let count = 10_000

    private func withScene(_ body: (CoordinationScene) async throws -> Void) async throws {
        try await withInstances(Self.text) { scene in
            try await scene.stick(1...Self.count)
            try await scene.send("DEL", "jobs")
            try await body(scene)
        }
    }

    private func scan(_ scene: CoordinationScene) async throws -> [String: String] {
        try await scene.send("HGETALL", scene.keys.scan("jobs")).texts
    }

    private func untilScanned(_ scene: CoordinationScene, share: Int) async throws {
        try await eventually("the scan to get on", every: .milliseconds(1)) {
            (try await scan(scene)["seen"].flatMap { Int($0) } ?? 0) > Self.count * share / 100
        }
    }

    private func untilFinished(_ scene: CoordinationScene) async throws {
        try await eventually("the end of the scan", within: .seconds(120)) {
            try await scan(scene)["finished_ms"] != nil
        }
    }

    /// Runs a body beside indexers, which are stopped after it.
    private func withIndexers(
        _ engines: [Engine], _ body: ([Indexer]) async throws -> Void
    ) async throws {
        let indexers = engines.map(Indexer.init(engine:))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for indexer in indexers { group.addTask { await indexer.run() } }
            defer { for indexer in indexers { indexer.stop() } }
            try await body(indexers)
        }
    }

    @Test("of three instances one scans, beside their runs, and everything is found once")
    func one() async throws {
        try await withScene { scene in
            let workers = try ["one", "two", "three"].map { Worker(engine: try scene.engine($0)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in workers { group.addTask { try await worker.run() } }
                defer { for worker in workers { worker.stop() } }
                try await untilFinished(scene)
            }
            let hash = try await scan(scene)
            #expect(hash["fence"] == "1" && hash["added"] == "\(Self.count)")
            #expect(try await scene.send("ZCARD", "jobs").integer == Int64(Self.count))
            // On a slow machine other runs may have come as well, or lost their lease.
            let statuses = try await scene.stream(scene.keys.runs).compactMap { $0["status"] }
            #expect(statuses.contains("completed"), "\(statuses)")
        }
    }

    /// Each gives the lease back and wakes the others; with pauses of 100, 200, 400, … ms nobody claims it often.
    @Test("instances whose scans fail don't wake each other without end")
    func failing() async throws {
        try await withScene { scene in
            try await scene.send("SET", "jobs", "no sorted set")
            try await withIndexers(try ["one", "two", "three"].map { try scene.engine($0) }) { indexers in
                var wakes = 0
                while try await scan(scene)["fence"].flatMap({ Int($0) }) ?? 0 < 6 {
                    for indexer in indexers { indexer.wake("jobs") }
                    wakes += 1
                }
                #expect(wakes > 6, "\(wakes)")
                for _ in 0..<1_000 {
                    for indexer in indexers { indexer.wake("jobs") }
                    try await scene.send("PING")
                }
                let claims = try #require(try await scan(scene)["fence"].flatMap { Int($0) })
                #expect(claims < 30, "\(claims)")
            }
        }
    }

    @Test("the scan of an instance that died is continued by another, from its cursor, within a lease")
    func killed() async throws {
        try await withScene { scene in
            try await withIndexers([try scene.engine("dying")]) { indexers in
                try await untilScanned(scene, share: 20)
                indexers[0].stop()
            }
            // As a crash leaves it: nothing is given back.
            let end = String(try await scene.engine("dying").serverClock().now.milliseconds + 500)
            try await scene.send(
                "HSET", scene.keys.scan("jobs"), "instance", "dying", "lease_until_ms", end)
            let left = try await scan(scene)
            #expect(left["finished_ms"] == nil)
            // What it found is forgotten, so that a scan from the beginning would show.
            try await scene.send("DEL", "jobs")
            try await withIndexers([try scene.engine("heir")]) { _ in
                try await untilFinished(scene)
            }
            let ended = try await scan(scene)
            #expect(ended["fence"] == "2" && ended["started_ms"] == left["started_ms"])
            let found = try #require(try await scene.send("ZCARD", "jobs").integer)
            let seen = try #require(Int64(left["seen"] ?? ""))
            #expect(found > 0 && found <= Int64(Self.count) - seen * 9 / 10)
        }
    }

    @Test("an instance that is told to stop hands the scan over, and another goes on at once")
    func handOver() async throws {
        try await withScene { scene in
            try await withIndexers([try scene.engine("one")]) { indexers in
                try await untilScanned(scene, share: 30)
                indexers[0].stop()
            }
            let left = try await scan(scene)
            #expect(left["instance"] == nil && left["finished_ms"] == nil)
            try await withIndexers([try scene.engine("two")]) { _ in try await untilFinished(scene) }
            let ended = try await scan(scene)
            #expect(ended["fence"] == "2" && ended["added"] == "\(Self.count)")
        }
    }

    @Test("Redis away in the middle: the scan begins anew on the new process, and finds everything")
    func restarted() async throws {
        try await withServerAndClient(.unixSocket, arguments: ["--appendonly", "yes"]) { server, redis in
            let scene = CoordinationScene(server: server, url: server.url, redis: redis, text: Self.text)
            try await scene.stick(1...Self.count)
            try await scene.send("DEL", "jobs")
            try await withIndexers([try scene.engine("one")]) { _ in
                try await untilScanned(scene, share: 40)
                try await server.restart()
                try await eventually("the server") {
                    do {
                        return try await scene.send("PING").string == "PONG"
                    } catch let error as RedisError where error.code != .server {
                        return false
                    }
                }
                try await untilFinished(scene)
            }
            #expect(try await scene.send("ZCARD", "jobs").integer == Int64(Self.count))
        }
    }

    @Test("while there is nothing to scan, nothing is asked beside the heartbeat")
    func idle() async throws {
        let text = Self.text.replacing("heartbeat: 1s", with: "heartbeat: 500ms")
        try await withInstances(text) { scene in
            let worker = Worker(engine: try scene.engine("one"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                defer { worker.stop() }
                try await untilFinished(scene)
                let (calls, beats) = (try await functionCalls(scene), try await self.beats(scene))
                try await eventually("six heartbeats") { try await self.beats(scene) >= beats + 6 }
                // The run that a new cleanup begins with may still be at its end.
                #expect(try await functionCalls(scene) <= calls + 6 + 4)
            }
        }
    }

    private func beats(_ scene: CoordinationScene) async throws -> Int {
        try await scene.stream(scene.keys.metrics).count { $0["kind"] == "instance" }
    }

    private func functionCalls(_ scene: CoordinationScene) async throws -> Int {
        let text = try await scene.send("INFO", "commandstats").infoField("cmdstat_fcall") ?? ""
        return text.split(separator: ",").first.flatMap { Int($0.dropFirst("calls=".count)) } ?? 0
    }

    @Test("what is disabled or only watches is not scanned for")
    func untouched() async throws {
        let line = "policy: stuck, every: 1h, states: [RUNNING], since: [at], timeout: 1m, to: FAILED"
        let text = """
            cleanups:
              off: {\(line), records: "off:<id>", enabled: false}
              dry: {\(line), records: "dry:<id>", dry-run: true}
              never: {\(line), records: "never:<id>", index: nevers}

            """
        try await withInstances(text) { scene in
            let indexer = Indexer(engine: try scene.engine("one"))
            // Returns by itself: there is nothing to do for it, ever.
            await indexer.run()
            #expect(try await scene.send("DBSIZE").integer == 0)
        }
    }

    @Test("the status says how far a scan is, and when the next one is due")
    func status() async throws {
        try await withScene { scene in
            let engine = try scene.engine("one")
            func shown() async throws -> ScanStatus {
                let status = try await Status.read(engine)
                return try #require(status.cleanups.first { $0.name == "jobs" }?.scan)
            }
            #expect(try await shown().state == "never")
            try await withIndexers([engine]) { indexers in
                try await untilScanned(scene, share: 30)
                let under = try await shown()
                #expect(under.state == "scanning" && under.instance == "one" && under.nextInMs == nil)
                #expect((25...99).contains(under.percent) && under.keys >= Self.count && under.added > 0)
                indexers[0].stop()
            }
            #expect(try await shown().state == "interrupted")
            try await withIndexers([engine]) { _ in try await untilFinished(scene) }
            let through = try await shown()
            #expect(through.state == "waiting" && through.percent == 100 && through.added == Self.count)
            #expect((3_000_000...3_600_000).contains(try #require(through.nextInMs)))
        }
    }
}

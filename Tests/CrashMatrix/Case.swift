internal import Curfew
internal import Foundation
internal import Logging
internal import RedisClient
internal import TestSupport

/// One run of one combination: real servers, three real instances, one fault, and the ledger afterwards.
struct Case: Sendable {
    let combination: Combination
    let seed: UInt64
    let settings: Settings
    /// Where its files are.
    let folder: String
    let sample: Sample

    /// What all cases have in common.
    struct Settings: Sendable {
        /// How long a lease lasts, in milliseconds.
        var lease: Int64 = 2_000
        /// How much later than a lease another instance may take over.
        var slack: Int64 = 1_000
        /// How long everything may take.
        var patience: Duration = .seconds(60)
        /// What is taken away to see whether it is missed.
        var defect: Defect?
        /// Where the objects of files are, each case's under names of its own.
        let bucket: ObjectStorage
    }

    /// What came of it.
    struct Outcome: Sendable {
        let combination: Combination
        let seed: UInt64
        var violations: [String]
        /// How long it took until somebody continued, in milliseconds.
        var continued: Int64?
        /// Where the logs are, if they were kept.
        var logs: String?
    }

    /// Runs it, and never throws: what keeps it from being run is a violation too.
    func run() async -> Outcome {
        var outcome = Outcome(combination: combination, seed: seed, violations: [])
        do {
            // What an earlier case with this seed has left behind would be mistaken for this one's.
            if FileManager.default.fileExists(atPath: folder) { try FileManager.default.removeItem(atPath: folder) }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let fixture = try await combination.topology.makeFixture()
            do {
                (outcome.violations, outcome.continued) = try await RedisClient.withClient(
                    fixture.client, logger: Logger(label: "matrix") { _ in SwiftLogNoOpLogHandler() }
                ) { try await play(on: fixture, Probe(redis: $0)) }
            } catch {
                outcome.violations = ["the case could not be played: \(error)"]
            }
            if !outcome.violations.isEmpty {
                try fixture.log.write(toFile: "\(folder)/redis.log", atomically: true, encoding: .utf8)
                try outcome.violations.joined(separator: "\n").write(
                    toFile: "\(folder)/violations", atomically: true, encoding: .utf8)
                outcome.logs = folder
            }
            await fixture.end()
            if outcome.violations.isEmpty { try FileManager.default.removeItem(atPath: folder) }
        } catch {
            outcome.violations.append("the case could not be prepared: \(error)")
        }
        return outcome
    }

    private func play(on fixture: any Fixture, _ probe: Probe) async throws -> ([String], Int64?) {
        var random = sample.random
        let work = Workload(
            loaded: try await probe.now(), lease: settings.lease, bucket: settings.bucket,
            name: "\(combination)/\(seed)")
        try await work.load(into: probe.redis, &random)
        let scene = try await Scene.open(self, fixture, probe, work)
        async let racing: Void = scene.application.run(Workload.racing.prefix(Workload.racing.count / 2))
        let struck = try await scene.strike()
        var violations = struck.violations
        do {
            try await settle(probe)
        } catch {
            violations.append("\(error)")
        }
        await racing
        violations += try await scene.close(struck)
        let ledger = try await Ledger(probe, work)
        let (continued, late) = ledger.continuation(after: struck, of: combination.fault, settings)
        let losesWrites = combination.topology == .sentinel && combination.fault == .failover
        violations += late + ledger.violations(countingRunsSince: losesWrites ? struck.back : 0)
        if !violations.isEmpty { try ledger.write(to: folder) }
        return (violations, continued)
    }

    /// Waits until nothing is left to do, and everybody has looked once more.
    private func settle(_ probe: Probe) async throws {
        for (cleanup, ids) in Workload.going {
            let command = ["ZMSCORE", Workload.index(cleanup)] + ids
            try await eventually("\(cleanup) is done", within: settings.patience, every: .milliseconds(50)) {
                let reply = try await probe.redis.send(
                    RedisCommand.repeatable(command[0], Array(command.dropFirst())))
                return reply.elements.allSatisfy(\.isNull)
            }
        }
        try await eventually("all retries are queued", within: settings.patience, every: .milliseconds(50)) {
            let replies = try await probe.pipeline(
                Workload.retried.map { RedisCommand("HGET", ["job:\($0)", "status"]) })
            return replies.allSatisfy { $0.string == "QUEUED" }
        }
        let now = try await probe.now()
        try await eventually("every cleanup has run once more", within: settings.patience, every: .milliseconds(50)) {
            let runs = try await probe.entries(probe.keys.runs, from: String(now))
            return Workload.cleanups.allSatisfy { cleanup in
                runs.contains {
                    $0["cleanup"] == cleanup && $0["status"] == "completed" && $0.number("started_ms") >= now
                }
            }
        }
    }
}

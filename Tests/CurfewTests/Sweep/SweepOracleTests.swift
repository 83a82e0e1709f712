import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Thousands of made-up jobs, swept in one run, against an oracle that shares no code with the policies.
@Suite("sweep: a random workload", .tags(.ownServer), .everyTopology)
struct SweepOracleTests {
    @Test("every job becomes what the oracle says, in every time form", arguments: WrittenTime.allCases)
    func jobs(form: WrittenTime) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Seeded(seed)
        try await withSweepScene(SweepCleanups.retried + "\n  writes: {recoveries: recoveries}") { scene in
            let began = scene.began.milliseconds
            let jobs = (0..<5_000).map { OracleJob.random($0, form: form, began: began, using: &generator) }
            try await write(jobs, scene)

            let result = try await scene.run("stuck-jobs")

            let finished = try await scene.engine.serverClock().now
            let found = try await read(jobs, scene)
            let window = began...finished.milliseconds
            for (job, found) in zip(jobs, found) {
                check(job, found, form: form, window, "seed \(seed), job \(job.id)")
            }
            try await checkMoney(jobs, scene, "seed \(seed)")
            try await checkQueueAndEvents(jobs, scene, "seed \(seed)")
            checkCounts(jobs, result, "seed \(seed)")
        }
    }

    private func write(_ jobs: [OracleJob], _ scene: SweepScene) async throws {
        var commands = [RedisCommand("SET", ["worker:alive:alive", "1"])]
        for (place, job) in jobs.enumerated() {
            let key = "job:\(job.id)"
            commands.append(RedisCommand("ZADD", ["jobs:deadlines", "\(place)", job.id]))
            if job.isList {
                if job.isThere { commands.append(RedisCommand("RPUSH", [key, "x"])) }
            } else if job.isThere {
                commands.append(RedisCommand("HSET", [key] + job.fields.flatMap { [$0.key, $0.value] }))
            }
            if job.isPaid, case .failed(let entry, _) = job.fate, let user = job.fields["userId"] {
                commands.append(RedisCommand("HSET", ["user:\(user):refunds", entry, "paid before"]))
            }
        }
        for start in stride(from: 0, to: commands.count, by: 500) {
            let replies = try await scene.redis.pipeline(Array(commands[start..<min(start + 500, commands.count)]))
            for reply in replies where reply.error != nil { Issue.record("\(reply)") }
        }
    }

    /// What became of each job, and where it stands in the index.
    private func read(_ jobs: [OracleJob], _ scene: SweepScene) async throws -> [(RedisValue, score: Int64?)] {
        var found: [(RedisValue, score: Int64?)] = []
        for start in stride(from: 0, to: jobs.count, by: 500) {
            let some = jobs[start..<min(start + 500, jobs.count)]
            let records = try await scene.redis.pipeline(some.map { RedisCommand("HGETALL", ["job:\($0.id)"]) })
            let scores = try await scene.redis.pipeline(some.map { RedisCommand("ZSCORE", ["jobs:deadlines", $0.id]) })
            found += zip(records, scores).map { ($0, $1.double.map { Int64($0) }) }
        }
        return found
    }

    private func check(
        _ job: OracleJob, _ read: (RedisValue, score: Int64?), form: WrittenTime, _ window: ClosedRange<Int64>,
        _ comment: Comment
    ) {
        let score = read.score
        if job.isList || !job.isThere {
            #expect((score == nil) == !job.isThere, comment)
            return
        }
        var found = read.0.texts
        var expected = job.fields
        switch job.fate {
        case .dropped: #expect(score == nil, comment)
        case .rescored(let time): #expect(score == time, comment)
        case .rescoredFromNow(let timeout):
            #expect(window.contains((score ?? 0) - timeout), comment)
        case .stillDue, .malformed: #expect(score == Int64(job.id), comment)
        case .completed, .failed:
            #expect(score == nil, comment)
            let isFailed = job.fate != .completed
            expected["status"] = isFailed ? "FAILED" : "COMPLETED"
            let time = form.time(found.removeValue(forKey: "finishedAt") ?? "")?.milliseconds ?? 0
            #expect((window.lowerBound - form.grain.milliseconds...window.upperBound).contains(time), comment)
            let error = found.removeValue(forKey: "error")
            #expect(isFailed ? error?.hasPrefix("stuck in PROCESSING for ") == true : error == nil, comment)
        case .retried(let attempts, let recoveries, let timeout):
            expected["status"] = "QUEUED"
            expected["attempts"] = "\(attempts)"
            let noted = (found.removeValue(forKey: "recoveries") ?? "").split(separator: ",").compactMap { Int64($0) }
            expected["recoveries"] = nil
            #expect(Array(noted.dropLast()) == recoveries, comment)
            #expect(window.contains(noted.last ?? 0) && score == (noted.last ?? 0) + timeout, comment)
        }
        #expect(found == expected, comment)
    }

    private func checkMoney(_ jobs: [OracleJob], _ scene: SweepScene, _ comment: Comment) async throws {
        var balances: [String: Int64] = [:]
        var ledgers: [String: [String: String]] = [:]
        for job in jobs {
            guard case .failed(let entry, let paid) = job.fate, let user = job.fields["userId"] else { continue }
            if paid > 0 {
                balances[user, default: 0] += paid
                ledgers[user, default: [:]][entry] = "\(paid)"
            } else if job.isPaid {
                ledgers[user, default: [:]][entry] = "paid before"
            }
        }
        #expect(!balances.isEmpty, comment)
        for user in (0..<40).map({ "u\($0)" }) {
            #expect(try await scene.text("user:\(user):tokens") == balances[user].map { "\($0)" }, comment)
            #expect(try await scene.hash("user:\(user):refunds") == ledgers[user] ?? [:], comment)
        }
    }

    private func checkQueueAndEvents(_ jobs: [OracleJob], _ scene: SweepScene, _ comment: Comment) async throws {
        var actions: [String: String] = [:]
        for job in jobs {
            switch job.fate {
            case .completed: actions[job.id] = "complete"
            case .failed: actions[job.id] = "fail"
            case .retried: actions[job.id] = "retry"
            case .dropped where !job.isThere: actions[job.id] = "drop"
            default: break
            }
        }
        let events = try await scene.stream(scene.keys.events).filter { $0["action"] != "error" }
        let seen = Dictionary(events.map { ($0["record"] ?? "", $0["action"] ?? "") }) { "\($0) and \($1)" }
        #expect(seen == actions, comment)
        let queued = try await scene.send("LRANGE", "jobs:queued", "0", "-1").elements.compactMap(\.string)
        #expect(queued.sorted() == actions.filter { $0.value == "retry" }.keys.sorted(), comment)
    }

    private func checkCounts(_ jobs: [OracleJob], _ result: RunResult, _ comment: Comment) {
        var (changed, retried, failed, refunded) = (0, 0, 0, Int64(0))
        for job in jobs {
            switch job.fate {
            case .malformed: failed += 1
            case .completed: changed += 1
            case .dropped where !job.isThere: changed += 1
            case .failed(_, let paid): (changed, refunded) = (changed + 1, refunded + paid)
            case .retried: (changed, retried) = (changed + 1, retried + 1)
            default: break
            }
        }
        #expect(changed > 500 && retried > 100 && failed > 100 && refunded > 0, comment)
        #expect(result.cleanedUp == changed && result.retried == retried && result.failed == failed, comment)
        #expect(result.tokensRefunded.whole == refunded && result.totalFound == changed + failed, comment)
        #expect(result.skipped == 0 && result.records.count == 100 && result.errors.count == 100, comment)
    }
}

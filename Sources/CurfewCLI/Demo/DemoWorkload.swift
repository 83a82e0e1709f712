internal import Algorithms
internal import Curfew
internal import Policies
internal import RedisClient

/// The simulated application: how many records of each kind are stuck, and why.
struct DemoWorkload: Sendable {
    /// When the records were written, except the stuck jobs.
    let loaded: Timestamp
    /// Paused batches.
    let batches = DemoBatches()
    /// Plans that wait for a job.
    let plans = DemoPlans()
    /// Ended jobs and old downloads.
    let history = DemoHistory()
    /// Uploaded files.
    let files = DemoFiles()

    /// The cost of each stuck job, which must be refunded.
    static let cost = 10
    /// How many users own the jobs, and the initial balance of each.
    static let users = 50, balance = 1_000

    /// Jobs that no worker processes, out of retries: to be failed and refunded.
    ///
    /// More may be added.
    private(set) var stuck = 0
    /// Jobs that no worker processes, with retries left.
    let retriable = 500
    /// Jobs that finished but were never marked.
    let finished = 300
    /// Jobs whose worker is alive.
    let held = 100
    /// Jobs with a recent heartbeat, which their index entry doesn't reflect.
    let beating = 200
    /// Jobs whose time can't be read.
    let malformed = 1
    /// Groups of tasks by what is wrong with them; the last kind is only slow.
    let drifted = 20, unmarked = 20, crashed = 20, empty = 10, slow = 5
    /// Locks whose owner is gone, and locks whose owner is alive; as many are hashes as are plain strings.
    let staleLocks = 20, liveLocks = 10

    /// How many jobs stay in the index after the demo.
    var remaining: Int { retriable + held + beating + malformed }

    /// Writes everything except the stuck jobs.
    func load(into redis: RedisClient) async throws {
        let now = loaded
        var commands = (0..<Self.users).map { RedisCommand("SET", ["user:u\($0):tokens", String(Self.balance)]) }
        commands.append(RedisCommand("SET", ["worker:steady:alive", "1"]))
        let old = ["processingStartedAt", String((now - .seconds(3_600)).milliseconds)]
        commands += jobs("retry", retriable, now) { _ in old + ["attempts", "0", "workerId", "w1"] }
        commands += jobs("done", finished, now) {
            old + ["attempts", "0", "resultUrl", "https://results.example/\($0)"]
        }
        commands += jobs("held", held, now) { _ in old + ["attempts", "2", "workerId", "steady"] }
        commands += jobs("beat", beating, now) { _ in old + ["attempts", "2", "heartbeatAt", String(now.milliseconds)] }
        commands += jobs("broken", malformed, now) { _ in ["processingStartedAt", "a while ago", "attempts", "2"] }
        commands += groups(now) + locks(now)
        commands += batches.commands(now) + plans.commands(now) + history.commands(now) + files.commands(now)
        try await send(commands, to: redis)
    }

    /// Adds jobs that must be failed and refunded, from ten minutes to an hour old.
    mutating func addStuck(_ count: Int, to redis: RedisClient, now: Timestamp) async throws {
        let first = stuck
        let commands = jobs("stuck", count, now, first: first) { number in
            let started = now - .seconds(1_300 + number % 2_300)
            return [
                "processingStartedAt", String(started.milliseconds), "attempts", "2", "workerId", "w\(number % 7)",
                "tier",
                number % 10 == 0 ? "TIER_4K" : "TIER_1K",
            ]
        }
        try await send(commands, to: redis)
        stuck += count
    }

    /// Creates the workload as of that time; nothing is written yet.
    init(loaded: Timestamp) {
        self.loaded = loaded
    }

    private func jobs(
        _ kind: String, _ count: Int, _ now: Timestamp, first: Int = 0, fields: (Int) -> [String]
    ) -> [RedisCommand] {
        (first..<first + count).flatMap { number -> [RedisCommand] in
            let id = "\(kind)-\(number)"
            let common = [
                "status", "PROCESSING", "tokensCost", String(Self.cost), "userId", "u\(number % Self.users)",
            ]
            return [
                RedisCommand("HSET", ["job:\(id)"] + common + fields(number)),
                RedisCommand("ZADD", ["jobs:deadlines", String((now - .seconds(60)).milliseconds), id]),
            ]
        }
    }

    private func groups(_ now: Timestamp) -> [RedisCommand] {
        let updated = (now - .seconds(4 * 3_600)).iso8601
        func group(_ kind: String, _ count: Int, completed: Int, failed: Int, processing: Int) -> [RedisCommand] {
            (0..<count).map { number in
                RedisCommand(
                    "HSET",
                    [
                        "generation:\(kind)-\(number)", "status", "processing", "updated_at", updated,
                        "total_requested",
                        "10", "queued", "0", "processing", String(processing), "completed", String(completed), "failed",
                        String(failed),
                    ])
            }
        }
        return group("drifted", drifted, completed: 8, failed: 5, processing: 0)
            + group("unmarked", unmarked, completed: 7, failed: 3, processing: 0)
            + group("crashed", crashed, completed: 4, failed: 0, processing: 0)
            + group("empty", empty, completed: 0, failed: 0, processing: 0)
            + group("slow", slow, completed: 5, failed: 0, processing: 5)
    }

    private func locks(_ now: Timestamp) -> [RedisCommand] {
        let acquired = (now - .seconds(5 * 3_600)).iso8601
        func both(_ kind: String, _ count: Int, owner: String) -> [RedisCommand] {
            (0..<count).flatMap { number in
                [
                    RedisCommand(
                        "HSET", ["lock:generation:\(kind)-\(number)", "acquired_at", acquired, "owner", owner]),
                    RedisCommand("SET", ["lock:file:\(kind)-\(number)", owner]),
                ]
            }
        }
        return both("stale", staleLocks, owner: "vanished") + both("live", liveLocks, owner: "steady")
    }

    private func send(_ commands: [RedisCommand], to redis: RedisClient) async throws {
        for part in commands.chunks(ofCount: 1_000) {
            let replies = try await redis.pipeline(Array(part))
            if let error = replies.lazy.compactMap(\.error).first {
                throw CurfewError(.server, "loading: \(error.message)")
            }
        }
    }
}

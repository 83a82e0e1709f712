internal import Curfew
internal import Policies
internal import RedisClient

/// Ended records that are kept: jobs, each with a log, and downloads.
struct DemoHistory: Sendable {
    /// Jobs that ended 40 days ago, and 5 days ago.
    let oldJobs = 400, youngJobs = 200
    /// Downloads from 20 days ago and from 2 days ago: so many are old that their guard refuses to remove them.
    let oldDownloads = 300, youngDownloads = 200

    /// The ids of the jobs.
    var jobs: (old: [String], young: [String]) {
        ((0..<oldJobs).map { "old-\($0)" }, (0..<youngJobs).map { "young-\($0)" })
    }

    /// The keys of the downloads, old ones first.
    var downloadKeys: [String] {
        (0..<oldDownloads).map { "download:old-\($0)" } + (0..<youngDownloads).map { "download:young-\($0)" }
    }

    /// Writes the records.
    ///
    /// The jobs have an index of the application; the young ones are listed there too early.
    func commands(_ now: Timestamp) -> [RedisCommand] {
        jobs.old.flatMap { job($0, days: 40, now) } + jobs.young.flatMap { job($0, days: 5, now) }
            + downloadKeys.enumerated().map { number, key in
                let time = now - .seconds((number < oldDownloads ? 20 : 2) * 86_400)
                return RedisCommand("HSET", [key, "timestamp", String(time.milliseconds), "userId", "u\(number % 50)"])
            }
    }

    private func job(_ id: String, days: Int, _ now: Timestamp) -> [RedisCommand] {
        let ended = (now - .seconds(days * 86_400)).iso8601
        let status = ["COMPLETED", "FAILED", "CANCELLED"][id.utf8.reduce(0) { $0 + Int($1) } % 3]
        return [
            RedisCommand("HSET", ["job:\(id)", "status", status, "completedAt", ended]),
            RedisCommand("RPUSH", ["job:\(id):log", "started", "\(status) at \(ended)"]),
            RedisCommand("ZADD", ["jobs:finished", String((now - .seconds(60)).milliseconds), id]),
        ]
    }
}

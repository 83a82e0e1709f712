import RedisClient
import TestSupport
import Testing

/// Stuck jobs, and the books that are kept on them.
///
/// Job `n` has cost `1 + n mod 7` tokens and belongs to one of 100 users.
/// Loaded and audited by scripts inside the server: 60,000 jobs take a second so. Nothing of the program under test has a
/// part in either.
struct ProcessesWorkload {
    let scene: ProcessesScene
    var records = "job"

    private static let load = """
        local time = redis.call('TIME')[1] * 1000
        for n = ARGV[2], ARGV[3] do
          redis.call('HSET', ARGV[1] .. ':' .. n, 'status', 'PROCESSING', 'tier', 'TIER_4K', 'user', n % 100,
            'cost', 1 + n % 7, 'startedAt', string.format('%.0f', time - 7200000), 'input', 'x', 'output', '', 'attempts', 1)
          redis.call('ZADD', ARGV[1] .. ':deadlines', string.format('%.0f', time - 6900000 + n), string.format('%.0f', n))
        end
        """

    // The audit asks in small pages. One script over everything would keep a busy primary silent for seconds, and Sentinels
    // would replace it in the middle of the question.

    private static let failedJobs = """
        local failed = 0
        for n = ARGV[2], ARGV[3] do
          if redis.call('HGET', ARGV[1] .. ':' .. string.format('%.0f', n), 'status') == 'FAILED' then failed = failed + 1 end
        end
        return failed
        """

    private static let booksOfUser = """
        local paid, payments = 0, 0
        for _, amount in ipairs(redis.call('HVALS', 'user:' .. ARGV[1] .. ':refunds')) do
          paid, payments = paid + amount, payments + 1
        end
        return {tonumber(redis.call('GET', 'user:' .. ARGV[1] .. ':tokens') or 0), paid, payments}
        """

    /// Answers the last entry's id, the tokens of all entries, and the record of each.
    ///
    /// What people asked for names none.
    private static let pageOfEvents = """
        local answer = {'', 0}
        for _, entry in ipairs(redis.call('XRANGE', '{curfew}:events', ARGV[1], '+', 'COUNT', 1000)) do
          local fields = {}
          for f = 1, #entry[2], 2 do fields[entry[2][f]] = entry[2][f + 1] end
          if fields.record ~= '' then
            answer[2] = answer[2] + fields.tokens
            answer[#answer + 1] = fields.record
          end
          answer[1] = entry[1]
        end
        return answer
        """

    private static let eventsOfRun = """
        local count, from = 0, ARGV[2]
        repeat
          local page = redis.call('XRANGE', '{curfew}:events', from, '+', 'COUNT', 1000)
          for _, entry in ipairs(page) do
            if entry[2][2] == ARGV[1] then count = count + 1 end
            from = '(' .. entry[1]
          end
        until #page == 0
        return count
        """

    /// Writes the jobs of these numbers, all of them long stuck.
    func load(_ numbers: ClosedRange<Int>) async throws {
        for first in stride(from: numbers.lowerBound, through: numbers.upperBound, by: 2_000) {
            let last = min(first + 1_999, numbers.upperBound)
            _ = try await scene.send("EVAL", Self.load, "0", records, String(first), String(last))
        }
    }

    /// How many jobs are left in the index; nil while Redis is away.
    func left() async throws -> Int? {
        do {
            return try await scene.redis.send(RedisCommand.repeatable("ZCARD", ["\(records):deadlines"])).integer
                .map { Int($0) }
        } catch {
            return nil
        }
    }

    /// Waits until so few jobs are left, and answers how many they are.
    @discardableResult
    func left(atMost limit: Int, within time: Duration = .seconds(90)) async throws -> Int {
        try await eventually("at most \(limit) \(records)s are left", within: time, every: .milliseconds(2)) {
            try await left().flatMap { $0 <= limit ? $0 : nil }
        }
    }

    /// How many events a run has written since then (the id of a stream entry).
    func events(of run: String, since id: String) async throws -> Int64 {
        try await scene.send("EVAL", Self.eventsOfRun, "0", run, id).integer ?? -1
    }

    /// What the jobs 1…count cost together.
    static func cost(of count: Int) -> Int {
        var cost = 0
        for job in 1...count { cost += 1 + job % 7 }
        return cost
    }

    /// Expects that of the jobs 1…count each was failed once and refunded once, and that the index is empty.
    func expectEachOnce(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let found = try await audit(count)
        let cost = Self.cost(of: count)
        let expected = [
            "failed": count, "balances": cost, "paid": cost, "payments": count, "events": count, "records": count,
            "tokens": cost,
        ]
        #expect(found == expected, sourceLocation: sourceLocation)
        #expect(try await left() == 0, sourceLocation: sourceLocation)
    }

    private func audit(_ count: Int) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for first in stride(from: 1, through: count, by: 2_000) {
            let last = min(first + 1_999, count)
            counts["failed", default: 0] += try await numbers(Self.failedJobs, records, String(first), String(last))[0]
        }
        for user in 0..<100 {
            let books = try await numbers(Self.booksOfUser, String(user))
            for (name, number) in zip(["balances", "paid", "payments"], books) { counts[name, default: 0] += number }
        }
        var records: Set<String> = []
        var from = "-"
        while true {
            let page = try await scene.send("EVAL", Self.pageOfEvents, "0", from).elements
            guard let last = page[0].string, !last.isEmpty else { break }
            counts["tokens", default: 0] += try #require(page[1].integer.map { Int($0) })
            counts["events", default: 0] += page.count - 2
            for record in page.dropFirst(2) { records.insert(try #require(record.string)) }
            from = "(" + last
        }
        counts["records"] = records.count
        return counts
    }

    /// What a script answers, which is a number or several.
    private func numbers(_ script: String, _ arguments: String...) async throws -> [Int] {
        let reply = try await scene.redis.send(RedisCommand.repeatable("EVAL", [script, "0"] + arguments))
        let values = reply.integer == nil ? reply.elements : [reply]
        return try values.map { try #require($0.integer.map { Int($0) }) }
    }
}

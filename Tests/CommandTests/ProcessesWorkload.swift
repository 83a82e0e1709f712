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

    private static let audit = """
        local counts = {failed = 0, balances = 0, paid = 0, payments = 0, events = 0, records = 0, twice = 0, tokens = 0}
        for n = 1, ARGV[2] do
          if redis.call('HGET', ARGV[1] .. ':' .. n, 'status') == 'FAILED' then counts.failed = counts.failed + 1 end
        end
        for user = 0, 99 do
          counts.balances = counts.balances + (redis.call('GET', 'user:' .. user .. ':tokens') or 0)
          for _, amount in ipairs(redis.call('HVALS', 'user:' .. user .. ':refunds')) do
            counts.paid = counts.paid + amount
            counts.payments = counts.payments + 1
          end
        end
        local seen, from = {}, '-'
        repeat
          local page = redis.call('XRANGE', '{curfew}:events', from, '+', 'COUNT', 1000)
          for _, entry in ipairs(page) do
            local fields = {}
            for f = 1, #entry[2], 2 do fields[entry[2][f]] = entry[2][f + 1] end
            -- What people asked for names no record.
            if fields.record ~= '' then
              counts.events = counts.events + 1
              counts.tokens = counts.tokens + fields.tokens
              if seen[fields.record] then counts.twice = counts.twice + 1 else counts.records = counts.records + 1 end
              seen[fields.record] = true
            end
            from = '(' .. entry[1]
          end
        until #page == 0
        local answer = {}
        for name, count in pairs(counts) do
          answer[#answer + 1] = name
          answer[#answer + 1] = string.format('%.0f', count)
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

    /// Expects that of the jobs 1…count each was failed once and refunded once, and that the index is empty.
    func expectEachOnce(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let reply = try await scene.send("EVAL", Self.audit, "0", records, String(count)).elements
        var found: [String: Int] = [:]
        for place in stride(from: 0, to: reply.count - 1, by: 2) {
            found[reply[place].string ?? ""] = reply[place + 1].integer.map { Int($0) }
        }
        let cost = (1...count).reduce(0) { $0 + 1 + $1 % 7 }
        let expected = [
            "failed": count, "balances": cost, "paid": cost, "payments": count, "events": count, "records": count,
            "twice": 0, "tokens": cost,
        ]
        #expect(found == expected, sourceLocation: sourceLocation)
        #expect(try await left() == 0, sourceLocation: sourceLocation)
    }
}

import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("runs that are owed", .tags(.ownServer), .timeLimit(.minutes(4)))
struct OwedTests {
    private static let nightly = """
        worker: {lease: 3s, heartbeat: 300ms}
        cleanups:
          old: {policy: stuck, every: 24h, records: "job:<id>", index: done, states: [DONE], since: [at], timeout: 30d, to: LATE}
        alerts:
          failing: {cleanup: old, metric: runs_failed, above: 0}
          late: {cleanup: old, metric: overdue, above: 10m}

        """

    private func run(_ scene: CoordinationScene) async throws -> RunResult {
        let engine = try scene.engine("one")
        guard case .claimed(let claim) = try await scene.tick(engine).outcome,
            let cleanup = engine.configuration.cleanups.first
        else { throw CurfewError(.held, "old") }
        return await Run(engine: engine, cleanup: cleanup, claim: claim, clock: try await engine.serverClock())
            .execute()
    }

    private func distance(_ scene: CoordinationScene) async throws -> Duration {
        let score = try await scene.send("ZSCORE", scene.keys.schedule, "old").integer ?? 0
        return Timestamp(milliseconds: score) - (try await ServerClock.read(from: scene.redis).now)
    }

    private func alerts(_ scene: CoordinationScene) async throws -> [String] {
        try await scene.stream(scene.keys.alerts).filter { $0["state"] != "threshold" }
            .map { "\($0["alert"] ?? "") \($0["state"] ?? "")" }
    }

    @Test("a run that Redis was too full for is tried again soon, is overdue since it was due, and fires its alerts")
    func full() async throws {
        try await withInstances(Self.nightly) { scene in
            for id in 1...30 {
                try await scene.send("HSET", "job:\(id)", "status", "DONE", "at", "1700000000")
                try await scene.send("ZADD", "done", "1700000000000", String(id))
            }
            try await scene.schedule("old", in: .seconds(-3_600))
            try await (try scene.engine("one")).functions.load()
            let was = try await scene.send("ZSCORE", scene.keys.schedule, "old").string
            try await scene.send("CONFIG", "SET", "maxmemory", "100000")
            for (number, pause) in [60, 300, 900, 900].enumerated() {
                if number > 0 { try await makeDue(scene) }
                let result = try await run(scene)
                #expect(result.status == .failed && result.error?.contains("OOM") == true)
                let left = try await distance(scene)
                #expect(left <= .seconds(pause) && left > .seconds(pause - 20))
                #expect(try await scene.stream(scene.keys.runs).last?["due_ms"] != nil)
            }
            #expect(try await alerts(scene) == ["failing firing"])
            var watch = OverdueWatch(engine: try scene.engine("one"))
            try await watch.look(at: try await scene.tick(try scene.engine("one"), places: 0))
            #expect(try await alerts(scene) == ["failing firing", "late firing"])
            let status = try await Status.read(try scene.engine("one")).cleanups[0]
            #expect(status.owedSince != nil && status.lastError?.contains("OOM") == true)
            try await scene.send("CONFIG", "SET", "maxmemory", "0")
            try await makeDue(scene)
            let result = try await run(scene)
            #expect(result.status == .completed && result.cleanedUp == 30)
            #expect(try await scene.send("EXISTS", scene.keys.owed).integer == 0)
            #expect(try await scene.send("ZCARD", "done").integer == 0)
            let next = Timestamp(milliseconds: try await scene.send("ZSCORE", scene.keys.schedule, "old").integer ?? 0)
            #expect(next - Timestamp(milliseconds: Int64(was ?? "") ?? 0) == .seconds(86_400))
            #expect(try await alerts(scene).last == "failing resolved")
        }
    }

    /// Lets the next try be due now, as if its pause had passed.
    private func makeDue(_ scene: CoordinationScene) async throws {
        let text = try await scene.send("HGET", scene.keys.owed, "old").string ?? ""
        var owed = try #require(Owed(text: text))
        let now = try await ServerClock.read(from: scene.redis).now.milliseconds
        owed.retryMs = String(now)
        // As the clock would, whether Redis is full or not.
        let size = try await scene.send("CONFIG", "GET", "maxmemory").elements[1].string ?? "0"
        try await scene.send("CONFIG", "SET", "maxmemory", "0")
        try await scene.send("HSET", scene.keys.owed, "old", owed.text)
        try await scene.send("ZADD", scene.keys.schedule, String(now), "old")
        try await scene.send("CONFIG", "SET", "maxmemory", size)
    }

    private static let day: Int64 = 86_400_000
    private static let due = Timestamp(milliseconds: 1_700_000_000_000)

    private func next(
        _ ending: NextRun.Ending, claimed: Timestamp = due, owed: Owed? = nil, every: Duration = .seconds(86_400),
        after: Duration = .seconds(10)
    ) -> NextRun {
        let now = claimed + after
        return NextRun(
            after: ending, claimed: claimed, owed: owed, schedule: .every(every), began: claimed, now: now)
    }

    @Test("a failure that passes is tried again after 1, 5, 15, 15 minutes, and never past the next due time")
    func pauses() {
        var (owed, claimed) = (Owed?.none, Self.due)
        for (number, pause) in [60, 300, 900, 900].enumerated() {
            let next = next(.failedForNow("full"), claimed: claimed, owed: owed)
            #expect(next.due == claimed + .seconds(10 + pause))
            #expect(next.owed?.since == Self.due && next.owed?.due == Self.due && next.owed?.retry == next.due)
            #expect(next.owed?.attempts == String(number + 1))
            (owed, claimed) = (next.owed, next.due)
        }
        let last = next(.failedForNow("full"), claimed: claimed, owed: owed, every: .seconds(2_400))
        #expect(last.due == Self.due + .seconds(2_400) && last.owed?.retry == nil && last.owed?.since == Self.due)
        let short = next(.failedForNow("full"), every: .seconds(30))
        #expect(short.due == Self.due + .seconds(30) && short.owed?.attempts == "0")
        // The next due time begins anew with a minute.
        let again = next(.failedForNow("full"), claimed: Self.due + .seconds(86_400), owed: owed)
        #expect(again.owed?.attempts == "1" && again.owed?.since == Self.due)
        #expect(again.due == Self.due + .seconds(86_400 + 70))
    }

    @Test("what lasts waits for the next due time, what succeeds owes nothing, and nobody's wish moves the schedule")
    func endings() {
        let owed = Owed(since: Self.due, due: Self.due, retry: Self.due + .seconds(60), attempts: 1, error: "x")
        let lasting = next(.notDone("no right"))
        #expect(lasting.due == Self.due + .seconds(86_400) && lasting.owed?.since == Self.due)
        let done = next(.done, claimed: Self.due + .seconds(60), owed: owed)
        #expect(done.due == Self.due + .seconds(86_400) && done.owed == nil)
        #expect(next(.stopped, owed: owed).owed == owed)
        // Asked for a minute before the next try: a success ends it, a failure doesn't move it.
        func early(_ ending: NextRun.Ending) -> NextRun {
            NextRun(
                after: ending, claimed: Self.due + .seconds(60), owed: owed, schedule: .every(.seconds(86_400)),
                began: Self.due + .seconds(5), now: Self.due + .seconds(9))
        }
        #expect(early(.done) == NextRun(due: Self.due + .seconds(86_400), owed: nil))
        #expect(early(.failedForNow("y")) == NextRun(due: Self.due + .seconds(60), owed: owed))
    }

    @Test("what somebody has to set right is not tried again")
    func lasting() {
        func server(_ code: String) -> CurfewError {
            CurfewError(RedisError(.server, code, server: RedisServerError(message: code)))
        }
        for code in ["OOM", "READONLY", "MISCONF", "NOREPLICAS", "CLUSTERDOWN"] { #expect(Run.willPass(server(code))) }
        for code in ["WRONGTYPE", "NOPERM", "ERR"] { #expect(!Run.willPass(server(code))) }
        // It is loaded with the next call.
        #expect(Run.willPass(server("ERR Function not found")))
        #expect(!Run.willPass(CurfewError(.damaged, "the scores are seconds")))
    }
}

extension NextRun {
    init(due: Timestamp, owed: Owed?) {
        self.init(
            after: .stopped, claimed: due, owed: owed, schedule: .every(.seconds(1)), began: due - .seconds(1), now: due
        )
    }
}

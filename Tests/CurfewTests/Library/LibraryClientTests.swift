import Curfew
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("the client of a program", .tags(.ownServer))
struct LibraryClientTests {
    @Test("stuck jobs are found, cleaned up in a dry run, for real, and put back")
    func jobs() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...30)
            try await scene.withClient { curfew in
                #expect(curfew.cleanups == ["jobs"])
                let found = try await curfew.findStuckJobs(limit: 7)
                #expect(
                    found.count == 7 && found.allSatisfy { $0.action == "fail" && $0.tokensRefunded == 3 })
                #expect(
                    found.allSatisfy {
                        $0.age > .seconds(500) && $0.timeout == .seconds(60) && $0.to == "FAILED"
                    })
                let dry = try await curfew.cleanupStuckJobs(dryRun: true)
                #expect(dry.cleanedUp == 30 && dry.tokensRefunded == 90)
                #expect(try await scene.status(1) == "RUNNING")
                let some = try await curfew.cleanupStuckJobs(limit: 10)
                #expect(
                    some.cleanedUp == 10 && some.tokensRefunded == 30 && some.isSuccess && some.notRun.isEmpty
                )
                let rest = try await curfew.run("jobs")
                #expect(rest.status == .completed && rest.cleanedUp == 20)
                let undone = try await curfew.undo(rest.run)
                #expect(undone.cleanedUp == 20 && undone.tokensRefunded == -60)
                let runs = try await curfew.runs(10, of: "jobs")
                #expect(
                    runs.map(\.changed) == [20, 20, 10, 0] && runs[3].dryRun && runs[1].run == rest.run)
                #expect(try await curfew.runs(ended: [.failed]).isEmpty)
            }
        }
    }

    @Test("a run with a timeout longer than the age finds nothing; an impossible option is an error")
    func options() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...3)
            try await scene.withClient { curfew in
                let found = try await curfew.preview("jobs").totalFound
                #expect(found == 3)
                #expect(try await curfew.preview("jobs", timeout: .seconds(1_200)).totalFound == 0)
                #expect(
                    try await curfew.preview("jobs", ahead: .seconds(700), timeout: .seconds(1_200))
                        .totalFound == 3)
                let error = await #expect(throws: CurfewError.self) {
                    try await curfew.run("jobs", .init(limit: 0))
                }
                #expect(error?.code == .usage && error?.message == "the limit is 0: expected 1 or more")
                let other = await #expect(throws: CurfewError.self) { try await curfew.run("jobz") }
                #expect(other?.message == "there is no cleanup “jobz”: expected one of jobs")
                for reason in ["", " \n", String(repeating: "x", count: 501)] {
                    var options = CurfewClient.RunOptions()
                    options.overridingGuard = reason
                    let error = await #expect(throws: CurfewError.self) { try await curfew.run("jobs", options) }
                    #expect(error?.code == .usage && error?.message.hasPrefix("the reason for overriding") == true)
                }
            }
        }
    }

    @Test("a record is explained by its id; an id that isn't UTF-8 finds its record again")
    func explain() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick([1])
            let now = Int(try await scene.redis.send(RedisCommand("TIME"))[0].string ?? "") ?? 0
            let odd = ByteText.held([UInt8(ascii: "e"), 0xE9])
            for id in ["ä", odd] {
                let key = ("job:" + id.held(ifPlain: id == "ä"))
                try await scene.redis.send(
                    RedisCommand(
                        "HSET", [key, "status", "RUNNING", "at", String((now - 600) * 1_000), "user", "u"]))
            }
            try await scene.withClient { curfew in
                let one = try await curfew.explain("1", in: "jobs")
                #expect(one.verdict == "fail" && one.key == "job:1" && one.fields["cost"] == "3")
                let umlaut = try await curfew.explain("ä", in: "jobs")
                #expect(umlaut.id == "ä" && umlaut.key == "job:ä" && umlaut.fields["user"] == "u")
                let strange = try await curfew.explain(odd, in: "jobs")
                let again = try await curfew.explain(strange.id, in: "jobs")
                #expect(again.fields["user"] == "u")
                let error = await #expect(throws: CurfewError.self) {
                    try await curfew.explain("9", in: "jobs")
                }
                #expect(error?.code == .usage)
            }
        }
    }

    @Test("a paused cleanup isn't run until it is resumed; status says so")
    func pause() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick([1])
            try await scene.withClient { curfew in
                #expect(try await curfew.pause("jobs", why: "migration").isDone)
                let error = await #expect(throws: CurfewError.self) { try await curfew.run("jobs") }
                #expect(error?.code == .paused)
                let group = await #expect(throws: CurfewError.self) { try await curfew.cleanupStuckJobs() }
                #expect(group?.code == .paused)
                let status = try await curfew.status()
                #expect(status["jobs"]?.pause?.contains("migration") == true)
                #expect(try await curfew.resume("jobs", skippingMissed: true).isDone)
                #expect(try await curfew.run("jobs").cleanedUp == 1)
                #expect(try await curfew.cancel("jobs").isDone == false)
                for reason in [" ", String(repeating: "x", count: 501)] {
                    let wrong = await #expect(throws: CurfewError.self) {
                        try await curfew.pause("jobs", why: reason)
                    }
                    #expect(wrong?.code == .usage)
                }
            }
        }
    }

    @Test("a client that was closed throws; so does everything that it had begun to read")
    func closed() async throws {
        try await LibraryScene.with { scene in
            let curfew = try CurfewClient(scene.configuration, logger: LibraryScene.silent)
            _ = try await curfew.status()
            await curfew.close()
            await curfew.close()
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await curfew.run("jobs") }, { _ = try await curfew.status() },
                { _ = try await curfew.undo("jobs-1") }, { _ = try await curfew.pause("jobs", why: "x") },
                { for try await _ in curfew.events(after: .beginning) {} },
                { _ = try await curfew.run("jobz") }, { _ = try await curfew.run("jobs", .init(limit: 0)) },
                { _ = try await curfew.preview("jobz") }, { _ = try await curfew.explain("1", in: "jobz") },
                { _ = try await curfew.findStuckJobs(limit: 0) }, { _ = try await curfew.runs(0) },
                { _ = try await curfew.pause("jobs", why: "") },
            ]
            for call in calls {
                let error = await #expect(throws: CurfewError.self) { try await call() }
                #expect(error?.code == .closed)
            }
        }
    }

    @Test("without a server a call throws that it isn't reachable, within its deadline")
    func unreachable() async throws {
        let configuration = CurfewConfiguration(
            redis: "redis://127.0.0.1:1/0", cleanups: [.stuckForTest])
        try await CurfewClient.withClient(configuration, logger: LibraryScene.silent) { curfew in
            let error = await #expect(throws: CurfewError.self) { try await curfew.status() }
            #expect(error?.code == .unreachable)
        }
    }
}

extension CurfewConfiguration.Cleanup {
    /// Any cleanup.
    static var stuckForTest: CurfewConfiguration.Cleanup {
        .init(
            "jobs", records: "job:<id>", every: .seconds(60),
            policy: .stuck(.init(states: ["A"], since: "at", timeout: .after(.seconds(60)), to: "B")))
    }
}

extension String {
    /// The text as bytes are held, unless it is held already.
    fileprivate func held(ifPlain isPlain: Bool) -> String { isPlain ? held : self }
}

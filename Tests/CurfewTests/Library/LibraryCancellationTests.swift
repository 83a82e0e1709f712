import Curfew
import Policies
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@Suite("the end of a client's run before its time", .tags(.ownServer))
struct LibraryCancellationTests {
    //     task of the program            the run
    //     run("jobs") ─────────────────► claims, reads page 1 of 50
    //     cancel ──────────────────────► finishes its page, gives the lease back
    //     the result: cancelled
    @Test(
        "a run whose task is cancelled finishes its page and says so; the next one goes on"
    )
    func cancelled() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...1_000)
            try await scene.withClient { curfew in
                let task = Task { try await curfew.run("jobs") }
                try await scene.firstChange(curfew)
                task.cancel()
                let result = try await task.value
                #expect(result.status == .cancelled && result.cleanedUp > 0)
                #expect(result.error == "cancelled by the task that asked for it")
                #expect(try await scene.exists("{curfew}:lease:jobs") == false)
                let next = try await curfew.run("jobs")
                #expect(next.status == .completed && next.cleanedUp == 1_000 - result.cleanedUp)
                let balance = try await scene.redis.send(RedisCommand("GET", ["user:u:tokens"])).string
                #expect(balance == "3000")
            }
        }
    }

    @Test("a run that is cancelled before it is claimed throws, and claims nothing")
    func early() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick([1])
            try await scene.withClient { curfew in
                let (gate, continuation) = AsyncStream<Void>.makeStream()
                let task = Task<RunResult, any Error> {
                    for await _ in gate {}
                    return try await curfew.run("jobs")
                }
                task.cancel()
                continuation.finish()
                let outcome = await task.result
                let error = #expect(throws: CurfewError.self) { try outcome.get() }
                #expect(error?.code == .cancelled)
                let status = try await scene.status(1)
                #expect(status == "RUNNING")
            }
        }
    }

    @Test("the end of a client stops its run after the page")
    func closing() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...1_000)
            let curfew = try CurfewClient(scene.configuration, logger: LibraryScene.silent)
            let task = Task { try await curfew.run("jobs") }
            try await scene.firstChange(curfew)
            await curfew.close()
            let result = try await task.value
            #expect(result.status == .cancelled && result.error == "cancelled by the end of its client")
            #expect(try await scene.exists("{curfew}:lease:jobs") == false)
        }
    }

    @Test("a run waits for the lease of another one if it may, and throws otherwise")
    func waits() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...600)
            try await scene.withClient { curfew in
                let first = Task { try await curfew.run("jobs") }
                try await eventually("the first has its lease") {
                    try await scene.exists("{curfew}:lease:jobs")
                }
                let error = await #expect(throws: CurfewError.self) { try await curfew.run("jobs") }
                #expect(error?.code == .held)
                let second = try await curfew.run("jobs", .init(waits: true))
                #expect(try await first.value.cleanedUp == 600)
                #expect(second.cleanedUp == 0 && second.status == .completed)
            }
        }
    }
}

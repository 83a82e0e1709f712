import Curfew
import RedisClient
import ServiceLifecycle
import TestNeeds
import TestSupport
import Testing

@Suite("the worker of a program", .tags(.ownServer))
struct LibraryWorkerTests {
    /// Runs workers in a service group during a body.
    private static func serving(_ workers: [CurfewWorker], _ body: () async throws -> Void)
        async throws
    {
        let group = ServiceGroup(
            configuration: .init(
                services: workers.map { .init(service: $0) }, logger: LibraryScene.silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await body()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test(
        "a worker does what is due, and gives its lease back in the middle of a run when its group ends"
    )
    func work() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...2_000)
            let worker = try CurfewWorker(scene.configuration, logger: LibraryScene.silent)
            try await scene.withClient { curfew in
                try await Self.serving([worker]) {
                    try await scene.firstChange(curfew)
                    #expect(worker.trouble == nil)
                }
                #expect(try await scene.exists("{curfew}:lease:jobs") == false)
                let runs = try await curfew.runs()
                #expect(runs.count == 1 && runs[0].trigger == "schedule" && runs[0].instance == worker.name)
                let rest = try await curfew.run("jobs")
                #expect(rest.cleanedUp == 2_000 - runs[0].changed)
                #expect(try await curfew.status().instances.allSatisfy { !$0.isAlive })
            }
        }
    }

    @Test("cancelled, it finishes its page and gives its lease back as well")
    func cancelled() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...2_000)
            let worker = try CurfewWorker(scene.configuration, logger: LibraryScene.silent)
            try await scene.withClient { curfew in
                let task = Task { try await worker.run() }
                try await scene.firstChange(curfew)
                task.cancel()
                try await task.value
                #expect(try await scene.exists("{curfew}:lease:jobs") == false)
                let run = try await curfew.runs()[0]
                #expect(run.status == .cancelled || run.status == .completed)
                let again = await #expect(throws: CurfewError.self) { try await worker.run() }
                #expect(again?.code == .usage)
            }
        }
    }

    @Test("two workers in one process are two instances, and each record is changed once")
    func two() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...200)
            let workers = try (1...2).map { _ in
                try CurfewWorker(scene.configuration, logger: LibraryScene.silent)
            }
            #expect(workers[0].name != workers[1].name)
            try await scene.withClient { curfew in
                try await Self.serving(workers) {
                    try await eventually("both live, and all is done") {
                        let living = try await curfew.status().instances.filter(\.isAlive).map(\.id)
                        let left = try await scene.redis.send(RedisCommand("ZCARD", ["jobs"])).integer
                        return Set(living) == Set(workers.map(\.name)) && left == 0
                    }
                }
                #expect(try await curfew.runs().map(\.changed).reduce(0, +) == 200)
                #expect(try await scene.redis.send(RedisCommand("GET", ["user:u:tokens"])).string == "600")
            }
        }
    }

    @Test("without a server it waits, says why, and ends with its group")
    func unreachable() async throws {
        let configuration = CurfewConfiguration(
            redis: "redis://127.0.0.1:1/0", cleanups: [.stuckForTest])
        let worker = try CurfewWorker(configuration, logger: LibraryScene.silent)
        try await Self.serving([worker]) {
            try await eventually("it says why") { worker.trouble != nil }
            #expect(worker.trouble?.code == .unreachable)
        }
    }
}

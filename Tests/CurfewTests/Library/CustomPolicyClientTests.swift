import Curfew
import RedisClient
import TestNeeds
import TestSupport
import Testing

private struct AwaitedPolicy: WrongPolicy {
    static let name = "awaited"
    static let gate = PolicyGate()
}

private struct WorkedPolicy: WrongPolicy {
    static let name = "worked"
    static let gate = PolicyGate()
}

private struct OncePolicy: WrongPolicy {
    static let name = "once"
    static let gate = PolicyGate()
}

private struct OrdinaryPolicy: WrongPolicy {
    static let name = "ordinary"
    static let gate = PolicyGate()
}

@Suite("a program's own policy behind its client and its worker", .tags(.ownServer))
struct CustomPolicyClientTests {
    /// Documents under a policy, each verdict of which may take a minute.
    private static func configuration(
        _ policy: any Curfew.Policy.Type, port: Int
    ) -> CurfewConfiguration {
        var documents = CurfewConfiguration.Cleanup(
            "odd", records: "doc:<id>", every: .seconds(3_600), policy: .own(policy))
        (documents.index, documents.runTimeout) = ("docs", .seconds(600))
        var configuration = CurfewConfiguration(redis: "redis://127.0.0.1:\(port)/0", cleanups: [documents])
        configuration.policies = [policy]
        return configuration
    }

    private static func add(_ id: String, _ does: String, _ redis: RedisClient) async throws {
        let replies = try await redis.pipeline([
            RedisCommand("HSET", ["doc:\(id)", "does", does, "status", "open"]),
            RedisCommand("ZADD", ["docs", "1", id]),
        ])
        for reply in replies { #expect(reply.error == nil) }
    }

    //     the run                          the policy                the program
    //     hands over its page ───────────► thinks, without end
    //     waits                                                      cancels
    //     ends as cancelled, at once       thinks on
    @Test("a run that is to stop doesn't wait for a verdict that takes its time")
    func stopped() async throws {
        defer { AwaitedPolicy.gate.open() }
        try await withServerAndClient { server, redis in
            try await Self.add("a", "never end", redis)
            let configuration = Self.configuration(AwaitedPolicy.self, port: server.port)
            let curfew = try CurfewClient(configuration, logger: LibraryScene.silent)
            let run = Task { try await curfew.run("odd") }
            try await eventually("the policy thinks") { AwaitedPolicy.gate.hasVisitor }
            let watch = Stopwatch()
            run.cancel()
            let result = try await run.value
            #expect(result.status == .cancelled && result.failed == 0, "\(result)")
            await curfew.close()
            #expect(watch.elapsed < .seconds(30))
            let lease = try await redis.send(RedisCommand("EXISTS", ["{curfew}:lease:odd"]))
            #expect(lease.integer == 0)
        }
    }

    @Test("nor does a worker that is to end")
    func worked() async throws {
        defer { WorkedPolicy.gate.open() }
        try await withServerAndClient { server, redis in
            try await Self.add("a", "never end", redis)
            let worker = try CurfewWorker(
                Self.configuration(WorkedPolicy.self, port: server.port), logger: LibraryScene.silent)
            let work = Task { try await worker.run() }
            try await eventually("the policy thinks") { WorkedPolicy.gate.hasVisitor }
            let watch = Stopwatch()
            work.cancel()
            try await work.value
            #expect(watch.elapsed < .seconds(30))
            let lease = try await redis.send(RedisCommand("EXISTS", ["{curfew}:lease:odd"]))
            #expect(lease.integer == 0)
        }
    }

    //     the run                          the network
    //     commits: “x” on the list ──────► loses the answer, and is cut
    //     reads again, judges again: the guard no longer holds
    @Test("what is added under a guard that it ends is added once, though the answer is lost")
    func lost() async throws {
        defer { OncePolicy.gate.open() }
        try await withServerAndClient { server, redis in
            let proxy = try await TCPProxy.start(to: server.port)
            let configuration = Self.configuration(OncePolicy.self, port: proxy.port)
            try await CurfewClient.withClient(configuration, logger: LibraryScene.silent) { curfew in
                // The functions are loaded before.
                try await Self.add("first", "", redis)
                #expect(try await curfew.run("odd").cleanedUp == 1)
                try await Self.add("a", "add once, later", redis)
                let run = Task { try await curfew.run("odd") }
                try await eventually("the policy thinks") { OncePolicy.gate.hasVisitor }
                // Redis answers what is asked, and waits with what writes.
                try await redis.send(RedisCommand("CLIENT", ["PAUSE", "60000", "WRITE"]))
                proxy.lookOut(for: "curfew_commit")
                OncePolicy.gate.open()
                try await eventually("the commit is on its way") { proxy.hasSeenIt }
                proxy.loseAnswers()
                try await redis.send(RedisCommand("CLIENT", ["UNPAUSE"]))
                try await eventually("it is made") {
                    try await redis.send(RedisCommand("EXISTS", ["inbox:a"])).integer == 1
                }
                proxy.cut()
                let result = try await run.value
                #expect(result.failed == 0, "\(result)")
                let list = try await redis.send(RedisCommand("LRANGE", ["inbox:a", "0", "-1"]))
                #expect(list.elements.map(\.string) == ["x"])
            }
        }
    }

    @Test("pause, explain, preview, status, runs and undo know it as any other")
    func known() async throws {
        try await withServerAndClient { server, redis in
            try await Self.add("a", "", redis)
            try await CurfewClient.withClient(
                Self.configuration(OrdinaryPolicy.self, port: server.port), logger: LibraryScene.silent
            ) { curfew in
                #expect(try await curfew.preview("odd").totalFound == 1)
                #expect(try await curfew.explain("a", in: "odd").verdict == "mark")
                try await curfew.pause("odd", why: "a test")
                let paused = await #expect(throws: CurfewError.self) { try await curfew.run("odd") }
                #expect(paused?.code == .paused)
                try await curfew.resume("odd")
                let run = try await curfew.run("odd")
                #expect(run.cleanedUp == 1)
                #expect(try await curfew.undo(run.run).cleanedUp == 1)
                #expect(try await curfew.status()["odd"]?.policy == "ordinary")
                #expect(try await curfew.runs().map(\.changed) == [1, 1])
                let status = try await redis.send(RedisCommand("HGET", ["doc:a", "status"]))
                #expect(status.string == "open")
            }
        }
    }
}

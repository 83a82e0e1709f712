import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("pings", .tags(.ownServer), .timeLimit(.minutes(5)))
struct WebhookPingTests {
    private static func text(_ url: String, _ more: String = "") -> String {
        CoordinationScene.jobs.replacing("to: FAILED", with: "to: FAILED, ping: \"\(url)\"\(more)")
    }

    /// A busy machine may take long for an answer that comes.
    private static func ping(
        _ address: String, _ log: RecordingLog, timeout: Duration = .seconds(30)
    ) throws -> Ping {
        let text = "redis: redis://h\n" + text(address)
        let cleanup = try Configuration.parse(text, file: "c", environment: [:]).cleanups[0]
        var ping = Ping(of: cleanup, logger: log.logger)
        ping.timeout = timeout
        ping.backoff.first = .milliseconds(10)
        return ping
    }

    private static func result(_ status: RunResult.Status, dryRun: Bool = false) -> RunResult {
        RunResult(
            run: "jobs-1", cleanup: "jobs", instance: "one", fence: 1, trigger: "schedule", dryRun: dryRun,
            status: status, startedAt: "", duration: .zero, counters: RunCounters(), error: nil)
    }

    @Test("a complete success is told, once; anything else is not")
    func whatIsTold() async throws {
        try await HTTPReceiver.withReceiver { receiver in
            let log = RecordingLog()
            let ping = try Self.ping(receiver.url, log)
            for status in [
                RunResult.Status.completedWithErrors, .failed, .refused, .cancelled, .timedOut, .lost, .misfired,
            ] {
                await ping.send(after: Self.result(status))
            }
            await ping.send(after: Self.result(.completed, dryRun: true))
            #expect(receiver.requests.isEmpty)
            await ping.send(after: Self.result(.completed))
            #expect(receiver.requests.map { "\($0.method) \($0.target)" } == ["GET /hook?token=s3cr3t"])
            #expect(log.text == "")
        }
    }

    @Test(
        "what fails is tried three times, and then told with the host alone",
        arguments: [
            (HTTPReceiver.Answer.status(500), "answered 500"), (.silence, "no answer within 2s"),
            (.redirect(301, to: "/elsewhere"), "answered 301: redirects are not followed"),
        ])
    func fails(answer: HTTPReceiver.Answer, reason: String) async throws {
        try await HTTPReceiver.withReceiver(answer: { _, _ in answer }) { receiver in
            let log = RecordingLog()
            let timeout = Duration.seconds(reason == "no answer within 2s" ? 2 : 30)
            await (try Self.ping(receiver.url, log, timeout: timeout)).send(after: Self.result(.completed))
            #expect(receiver.requests.count == Ping.tries)
            #expect(log.text.contains("127.0.0.1:\(receiver.port)") && log.text.contains(reason))
            #expect(!log.text.contains("s3cr3t"))
        }
    }

    @Test("an address where nobody is tells its host alone too")
    func nobody() async throws {
        let log = RecordingLog()
        let port = try freePort()
        await (try Self.ping("http://user:s3cr3t@127.0.0.1:\(port)/s3cr3t?s3cr3t", log)).send(
            after: Self.result(.completed))
        #expect(log.text.contains("127.0.0.1:\(port)"))
        #expect(!log.text.contains("s3cr3t"))
    }

    @Test("a second try that is answered is enough")
    func recovers() async throws {
        try await HTTPReceiver.withReceiver(answer: { number, _ in number == 1 ? .hangUp : .status(200) }) { receiver in
            let log = RecordingLog()
            await (try Self.ping(receiver.url, log)).send(after: Self.result(.completed))
            #expect(receiver.requests.count == 2)
            #expect(log.text == "")
        }
    }

    @Test("a worker that is stopped right after a run still tells of it, and tries no longer than once more")
    func shutdown() async throws {
        try await HTTPReceiver.withReceiver(answer: { _, _ in .status(500) }) { receiver in
            try await withInstances(Self.text(receiver.url)) { scene in
                let worker = Worker(engine: try scene.engine("one"))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await worker.run() }
                    defer { worker.stop() }
                    try await eventually("the run", every: .milliseconds(1)) {
                        try await scene.stream(scene.keys.runs).count == 1
                    }
                }
                #expect((1...2).contains(receiver.requests.count))
            }
        }
    }

    @Test("an address that doesn't answer holds up no run of the same cleanup")
    func delaysNothing() async throws {
        try await HTTPReceiver.withReceiver(answer: { number, _ in number < 3 ? .silence : .status(200) }) { receiver in
            let text = Self.text(receiver.url).replacing("every: 1h", with: "every: 1s")
            try await withInstances(text) { scene in
                let worker = Worker(engine: try scene.engine("one"))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await worker.run() }
                    defer { worker.stop() }
                    try await eventually("three runs") { try await scene.stream(scene.keys.runs).count == 3 }
                }
                let runs = try await scene.stream(scene.keys.runs)
                // Three seconds of schedule: a run that waited for the first ping would come after ten.
                let first = try #require(Int64(runs[0]["finished_ms"] ?? ""))
                let third = try #require(Int64(runs[2]["finished_ms"] ?? ""))
                #expect(third - first < 8_000)
            }
        }
    }
}

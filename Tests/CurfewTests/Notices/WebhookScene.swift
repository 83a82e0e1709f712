import Foundation
import Logging
import Policies
import RedisClient
import TestSupport
import Testing

@testable import Curfew

/// Instances that tell a receiver what happens, with waits short enough for a test.
struct WebhookScene: Sendable {
    let scene: CoordinationScene
    let receiver: HTTPReceiver
    var keys: Keys { scene.keys }

    static let secret = "a secret of the receiver's"

    /// An instance of that name.
    func engine(
        _ id: String, on subjects: String = "[alert, warning, run-failed]", more: String = "", url: String? = nil,
        logger: Logger = quietLogger, timing change: (inout NoticeTiming) -> Void = { _ in }
    ) throws -> Engine {
        let hook = "{url: \"\(url ?? receiver.url)\", secret: \"\(Self.secret)\", on: \(subjects)\(more)}"
        let text = "redis: \(scene.url)\nworker: {heartbeat: 300ms}\nwebhooks: {ops: \(hook)}\n\(scene.text)"
        var configuration = try Configuration.parse(text, file: "test.yaml", environment: [:])
        configuration.webhooks[0].timing.backoff.first = .milliseconds(20)
        configuration.webhooks[0].timing.backoff.most = .milliseconds(80)
        configuration.webhooks[0].timing.takeOver = .milliseconds(50)
        change(&configuration.webhooks[0].timing)
        return Engine(
            configuration: configuration, redis: scene.redis, instance: Instance(id: id), logger: logger)
    }

    /// Runs the senders of instances while the body runs.
    ///
    /// It begins when they read: what was published before isn't for them.
    func withSenders(_ engines: Engine..., body: () async throws -> Void) async throws {
        try await scene.withSenders(engines, body: body)
    }

    /// Waits until the groups are there.
    func listening(_ engine: Engine) async throws {
        try await scene.listening(engine)
    }

    /// Publishes an alert, as Curfew does.
    func alert(_ name: String = "many", state: String = "firing", message: String = "too many") async throws {
        try await scene.send(
            "XADD", keys.alerts, "*", "alert", name, "state", state, "severity", "warning", "message", message)
    }

    /// Waits until that many requests have come.
    func received(_ count: Int) async throws {
        try await eventually("\(count) requests") { receiver.requests.count >= count }
    }

    /// Waits until nothing is left to deliver, on the queue or in the streams.
    func isThrough() async throws {
        try await eventually("an empty queue") {
            try await scene.send("ZCARD", keys.webhook("ops")).integer == 0
        }
        #expect(try await scene.send("EXISTS", keys.webhookLetters("ops")).integer == 0)
    }

    /// How many entries of a stream nobody has acknowledged.
    func pending(_ stream: String) async throws -> Int64? {
        try await scene.send("XPENDING", stream, "curfew:webhook:ops")[0].integer
    }

    /// What was given up, newest first.
    func deadLetters() async throws -> [DeadLetter] {
        try await scene.send("LRANGE", keys.webhookDead("ops"), "0", "-1").elements.map {
            try JSONDecoder().decode(DeadLetter.self, from: Data(($0.string ?? "").utf8))
        }
    }
}

/// Runs a body with a Redis and a receiver of its own.
func withWebhook(
    answer: @escaping @Sendable (Int, HTTPReceiver.Request) -> HTTPReceiver.Answer = { _, _ in .status(200) },
    _ body: (WebhookScene) async throws -> Void
) async throws {
    try await HTTPReceiver.withReceiver(answer: answer) { receiver in
        try await withInstances { scene in
            try await body(WebhookScene(scene: scene, receiver: receiver))
        }
    }
}

extension CoordinationScene {
    /// Runs the senders of instances to their first receiver of notices while the body runs.
    func withSenders(_ engines: [Engine], body: () async throws -> Void) async throws {
        let senders = engines.map { NoticeSender(engine: $0, receiver: $0.configuration.receivers[0]) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in senders { group.addTask { await sender.run() } }
            defer { for sender in senders { sender.stop() } }
            try await listening(engines[0])
            try await body()
        }
    }

    /// Waits until the groups of the first receiver are there.
    func listening(_ engine: Engine) async throws {
        for stream in engine.configuration.receivers[0].terms.streams {
            try await eventually("a group on \(stream)") {
                do {
                    return try await send("XINFO", "GROUPS", stream.key(keys)).count == 1
                } catch let error as RedisError where error.server?.message.contains("no such key") == true {
                    return false
                }
            }
        }
    }
}

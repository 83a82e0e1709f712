import Foundation
import Logging
import Policies
import RedisClient
import Synchronization
import TestSupport
import Testing

@testable import Curfew

/// Instances that write mails to a server, with waits short enough for a test.
struct MailScene: Sendable {
    let scene: CoordinationScene
    let receiver: MailReceiver
    var keys: Keys { scene.keys }

    /// An instance of that name.
    func engine(
        _ id: String, smtp: String? = nil, to: String = "ops@shop.example", on subjects: String = "[alert]",
        more: String = "", recipients: [Mail.Recipient] = []
    ) throws -> Engine {
        let server = smtp ?? "smtp://127.0.0.1:\(receiver.port)"
        let text = """
            redis: \(scene.url)
            worker: {heartbeat: 300ms}
            mail: {smtp: "\(server)", from: "Curfew <curfew@shop.example>", to: [\(to)], on: \(subjects)\(more)}
            \(scene.text)
            """
        var configuration = try Configuration.parse(text, file: "test.yaml", environment: [:])
        configuration.mail?.timing.backoff.first = .milliseconds(20)
        configuration.mail?.timing.backoff.most = .milliseconds(80)
        configuration.mail?.timing.takeOver = .milliseconds(50)
        configuration.mail?.recipients += recipients
        return Engine(
            configuration: configuration, redis: scene.redis, instance: Instance(id: id), logger: quietLogger)
    }

    /// Publishes an alert, as Curfew does.
    func alert(_ name: String = "many", state: String = "firing", message: String = "too many") async throws {
        try await scene.send(
            "XADD", keys.alerts, "*", "alert", name, "state", state, "severity", "warning", "message", message)
    }

    /// Waits until nothing is left to deliver.
    func isThrough() async throws {
        try await eventually("an empty queue") { try await scene.send("ZCARD", keys.mail).integer == 0 }
        #expect(try await scene.send("EXISTS", keys.mailLetters).integer == 0)
    }

    /// What was given up, newest first.
    func deadLetters() async throws -> [DeadLetter] {
        try await scene.send("LRANGE", keys.mailDead, "0", "-1").elements.map {
            try JSONDecoder().decode(DeadLetter.self, from: Data(($0.string ?? "").utf8))
        }
    }
}

/// Runs a body with a Redis and a mail server of its own.
func withMail(
    _ setting: MailReceiver.Setting = MailReceiver.Setting(), _ body: (MailScene) async throws -> Void
) async throws {
    try await MailReceiver.withReceiver(setting) { receiver in
        try await withInstances { scene in
            try await body(MailScene(scene: scene, receiver: receiver))
        }
    }
}

/// A number that counts itself.
final class Counter: Sendable {
    private let count = Mutex(0)

    /// The next number, from 1.
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}

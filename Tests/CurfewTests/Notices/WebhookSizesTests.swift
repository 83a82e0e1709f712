import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What is too much for one answer is delivered all the same.
@Suite("webhooks: sizes", .tags(.ownServer))
struct WebhookSizesTests {
    private static let count = 40

    /// Publishes alerts of which a page is too large for one answer.
    private func publish(_ hook: WebhookScene) async throws {
        let long = String(repeating: "m", count: 400_000)
        for number in 0..<Self.count { try await hook.alert("a\(number)", message: long) }
    }

    private func expectAll(_ hook: WebhookScene) async throws {
        try await hook.received(Self.count)
        try await hook.isThrough()
        let names = try hook.receiver.requests.compactMap { try ($0.json()["data"] as? [String: String])?["alert"] }
        #expect(Set(names) == Set((0..<Self.count).map { "a\($0)" }) && names.count == Self.count)
    }

    @Test("a page of large entries is read in smaller ones")
    func page() async throws {
        try await withWebhook { hook in
            let group = "curfew:webhook:ops"
            try await hook.scene.send("XGROUP", "CREATE", hook.keys.alerts, group, "0", "MKSTREAM")
            try await publish(hook)
            try await hook.withSenders(try hook.engine("one", on: "alert")) { try await expectAll(hook) }
            #expect(try await hook.pending(hook.keys.alerts) == 0)
        }
    }

    @Test("large entries that a dead instance had read are taken over")
    func takenOver() async throws {
        try await withWebhook { hook in
            let group = "curfew:webhook:ops"
            try await hook.scene.send("XGROUP", "CREATE", hook.keys.alerts, group, "0", "MKSTREAM")
            try await publish(hook)
            try await hook.scene.send(
                "XREADGROUP", "GROUP", group, "dead", "COUNT", "1000", "STREAMS", hook.keys.alerts, ">")
            try await hook.withSenders(try hook.engine("one", on: "alert")) { try await expectAll(hook) }
            #expect(try await hook.pending(hook.keys.alerts) == 0)
        }
    }
}

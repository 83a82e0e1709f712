import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("the doctor looks at webhooks", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(4)))
struct WebhookDoctorTests {
    private func findings(_ engine: Engine) async throws -> [Doctor.Finding] {
        try await Doctor(engine: engine).notices()
    }

    @Test("what waits and what was given up is said, with the host alone")
    func findings() async throws {
        try await withWebhook(answer: { _, _ in .status(410) }) { hook in
            let engine = try hook.engine("one")
            let host = "127.0.0.1:\(hook.receiver.port)"
            #expect(
                try await findings(engine) == [
                    Doctor.Finding("webhook ops", .ok, "\(host): 0 waiting, 0 failed")
                ])
            try await hook.withSenders(engine) {
                try await hook.alert()
                try await eventually("a dead letter") { try await !hook.deadLetters().isEmpty }
            }
            try await hook.scene.send("ZADD", hook.keys.webhook("ops"), "1", "waiting")
            let finding = try #require(try await findings(engine).first)
            #expect(finding.state == .warning)
            #expect(
                finding.message
                    == "\(host): 1 waiting, 1 failed, the last because it answered 410: the address is gone for good")
            #expect(finding.advice?.contains("{curfew}:webhook:ops:dead") == true)
        }
    }

    @Test("a webhook without a secret, and groups of one that is gone, are worth a remark")
    func remarks() async throws {
        try await withInstances(
            "webhooks: {plain: {url: https://ops.example/s3cr3t, on: alert}}\n" + CoordinationScene.jobs
        ) { scene in
            try await scene.send("XGROUP", "CREATE", scene.keys.events, "curfew:webhook:old", "$", "MKSTREAM")
            try await scene.send("XGROUP", "CREATE", scene.keys.events, "somebody else's", "$")
            let findings = try await findings(try scene.engine("one"))
            #expect(findings.map(\.state) == [.warning, .warning])
            #expect(findings[0].message == "ops.example: 0 waiting, 0 failed, unsigned")
            #expect(findings[1].advice == "XGROUP DESTROY {curfew}:events curfew:webhook:old")
        }
    }

    @Test("nothing is said where there are no webhooks")
    func none() async throws {
        try await withInstances { scene in
            let findings = try await findings(try scene.engine("one"))
            #expect(findings.isEmpty)
        }
    }
}

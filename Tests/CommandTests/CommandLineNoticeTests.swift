import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What owners and callers hear of a paused batch, from a worker to the sinks at the other end.
    @Suite("notices to owners", .tags(.processes))
    struct Notices {
        private static func configuration(mail: Int, hook: String) -> String {
            """
            mail: {smtp: "smtp://127.0.0.1:\(mail)", from: curfew@shop.example, to: "<email>", on: warning}
            webhooks: {hook: {url: "\(hook)", on: warning}}
            cleanups:
              batches:
                policy: paused
                every: 1s
                records: batch:<id>
                states: [paused]
                since: [pausedAt]
                unless: neverCancel
                carry: [email, userId]
                scan: 1s
            """
        }

        @Test(
            "the owner of a paused batch gets one reminder a pause, by mail and by webhook, unless the batch forbids it"
        )
        func reminder() async throws {
            try await MailReceiver.withReceiver { mail in
                try await HTTPReceiver.withReceiver { hook in
                    let text = Self.configuration(mail: mail.port, hook: hook.url)
                    try await withCommandLine(text) { scene in
                        let now = try #require(try await scene.redis.send(RedisCommand("TIME"))[0].integer)
                        func pause(_ id: String, days: Int64, _ more: String...) async throws {
                            let words =
                                ["batch:\(id)", "status", "paused", "pausedAt", "\(now - days * 86_400)"] + more
                            #expect(try await scene.redis.send(RedisCommand("HSET", words)).error == nil)
                        }
                        try await pause("a", days: 25, "email", "ada@shop.example", "userId", "42")
                        try await pause("b", days: 25, "email", "bob@shop.example", "neverCancel", "1")
                        try await pause("c", days: 8, "email", "cleo@shop.example")
                        let worker = try WorkerProcess(configuration: scene.configuration, folder: scene.server.folder)
                        try await eventually("a mail and a call") { mail.mails.count == 1 && hook.requests.count == 1 }
                        // A new pause of the same batch is reminded of again, and nothing else is.
                        try await pause("a", days: -1)
                        try await pause("a", days: 24)
                        _ = try await scene.redis.send(
                            RedisCommand("HSET", ["batch:a", "warnedAt", "\(now - 30 * 86_400)"]))
                        _ = try await scene.redis.send(RedisCommand("ZADD", ["{curfew}:index:batches", "1", "a"]))
                        try await eventually("a second mail") { mail.mails.count == 2 && hook.requests.count == 2 }
                        let runs = try await scene.curfew("run", "batches", "--wait")
                        #expect(runs.code == 0, "\(runs)")
                        #expect(await worker.terminate() == 0)
                        #expect(mail.mails.map(\.recipients) == [["ada@shop.example"], ["ada@shop.example"]])
                        let call = try hook.requests[0].json()
                        let data = try #require(call["data"] as? [String: Any], "\(call)")
                        #expect(data["record"] as? String == "a" && data["action"] as? String == "warn")
                        let owner = try #require(data["carry"], "\(data)")
                        #expect("\(owner)".contains("ada@shop.example") && "\(owner)".contains("42"))
                        let exempt = try await scene.redis.send(RedisCommand("HGETALL", ["batch:b"]))
                        #expect(exempt.count == 8, "\(exempt)")
                    }
                }
            }
        }
    }
}

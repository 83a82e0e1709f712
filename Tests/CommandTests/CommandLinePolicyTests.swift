import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// The program of the article “A policy of your own”, which `Tests/CartCleaner` builds in ten lines.
    @Suite("a command line with a program's own policy", .tags(.processes))
    struct OwnPolicy {
        private static let cleanups = """
            cleanups:
              carts: {policy: abandoned-cart, every: 1h, records: "cart:<id>", index: carts, idle: 2h, reminders: "shop:reminders"}
            """

        private func program(
            _ scene: CommandLineScene, _ arguments: String...
        ) async throws -> CommandLineScene.Answer {
            try await CommandLineScene.curfew(
                arguments + ["--config", scene.configuration], folder: scene.server.folder,
                program: "\(try CurfewProgram.folder)/CartCleanerExample")
        }

        /// A cart that nobody has touched for three hours.
        private func abandon(_ id: String, _ scene: CommandLineScene) async throws {
            let now = try #require(try await scene.redis.send(RedisCommand("TIME"))[0].integer)
            let replies = try await scene.redis.pipeline([
                RedisCommand(
                    "HSET",
                    ["cart:\(id)", "status", "open", "touchedAt", "\(now - 10_800)", "owner", "ann", "items", "3"]),
                RedisCommand("ZADD", ["carts", "1", id]),
            ])
            for reply in replies { #expect(reply.error == nil) }
        }

        @Test("config check, preview, explain, run, undo and doctor know it")
        func commands() async throws {
            try await withCommandLine(Self.cleanups) { scene in
                try await abandon("7", scene)
                let check = try await program(scene, "config", "check")
                #expect(check.code == 0 && check.output.contains("abandoned-cart: empties carts"), "\(check)")
                let preview = try await program(scene, "preview", "carts")
                #expect(preview.code == 0 && preview.output.contains("nobody touched it since"), "\(preview)")
                let told = try await program(scene, "explain", "carts", "7")
                #expect(told.code == 0 && told.output.contains("put “ann” into shop:reminders"), "\(told)")

                let run = try await program(scene, "run", "carts", "--json")
                let result = try #require(try run.object()["result"] as? [String: Any])
                #expect(run.code == 0 && result["cleanedUp"] as? Int == 1, "\(run)")
                let list = try await scene.redis.send(RedisCommand("LRANGE", ["shop:reminders", "0", "-1"]))
                #expect(list.elements.map(\.string) == ["ann"])
                let doctor = try await program(scene, "doctor")
                #expect(doctor.code == 0, "\(doctor)")

                let undo = try await program(scene, "undo", try #require(result["run"] as? String))
                #expect(undo.code == 0 && undo.output.contains("Put back 1 of 1"), "\(undo)")
                let items = try await scene.redis.send(RedisCommand("HGET", ["cart:7", "items"]))
                #expect(items.string == "3")
            }
        }

        @Test("a worker runs it, and status says so")
        func work() async throws {
            try await withCommandLine(Self.cleanups) { scene in
                try await abandon("7", scene)
                let worker = try ChildProcess(
                    ["\(try CurfewProgram.folder)/CartCleanerExample", "work", "--config", scene.configuration],
                    output: "\(scene.server.folder)/worker")
                try await eventually("the cart is emptied") {
                    try await scene.redis.send(RedisCommand("HGET", ["cart:7", "status"])).string == "emptied"
                }
                let status = try await program(scene, "status")
                #expect(status.code == 0 && status.output.contains("carts"), "\(status)")
                worker.signal(SIGTERM)
                #expect(await worker.wait() == 0)
            }
        }

        @Test("what is wrong with its keys is said with file, line and key; curfew itself doesn't know the policy")
        func wrong() async throws {
            try await withCommandLine(Self.cleanups.replacing("idle: 2h", with: "idle: 2")) { scene in
                let check = try await program(scene, "config", "check")
                let line = "\(scene.configuration):3: cleanups.carts.idle: “2” has no unit, write 2s, 2m or 2h"
                #expect(check.code == 2 && check.errors.contains(line), "\(check)")
                let plain = try await scene.curfew("config", "check")
                #expect(plain.code == 2 && plain.errors.contains("unknown “abandoned-cart”"), "\(plain)")
            }
        }
    }
}

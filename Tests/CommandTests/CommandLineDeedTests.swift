import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What a person had Curfew do stands in the events, with who it was.
    @Suite("who did what", .tags(.processes))
    struct Deeds {
        @Test("run, dry run, plan, undo, pause, resume and cancel are noted with user and host")
        func noted() async throws {
            try await withCommandLine { scene in
                func curfew(_ words: String...) async throws -> CInt {
                    try await CommandLineScene.curfew(
                        words + ["--config", scene.configuration], folder: scene.server.folder,
                        environment: ["USER": "ada@payroll", "LOGNAME": "ada"]
                    ).code
                }
                try await scene.job("a", age: 600)
                #expect(try await curfew("run", "stuck-jobs", "--dry-run") == 0)
                #expect(try await curfew("preview", "stuck-jobs", "--out", "plan.json") == 0)
                #expect(try await curfew("run", "stuck-jobs", "--plan", "plan.json") == 0)
                #expect(try await curfew("undo", "stuck-jobs-2") == 0)
                #expect(try await curfew("run", "stuck-jobs") == 0)
                #expect(try await curfew("pause", "stuck-jobs", "--why", "to look") == 0)
                #expect(try await curfew("run", "stuck-jobs") == 4)
                #expect(try await curfew("resume", "stuck-jobs") == 0)
                #expect(try await curfew("resume", "stuck-jobs") == 1)
                #expect(try await curfew("cancel", "stuck-jobs") == 1)
                let other = try scene.other("other-1")
                let cleanup = try #require(other.configuration.cleanup(named: "stuck-jobs"))
                _ = try await other.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
                #expect(try await curfew("cancel", "stuck-jobs") == 0)

                let events = try await History(engine: other).last(100, of: other.keys.events).reversed()
                let host = Instance.current.host
                // As the system knows the user, whatever the environment says.
                let user = NSUserName()
                let found = events.filter { $0["record"] == "" }.map { "\($0["run"] ?? "") \($0["reason"] ?? "")" }
                #expect(
                    found.map { $0.replacing("\(user)@\(host)", with: "ada") } == [
                        "stuck-jobs-1 run by ada: dry run", "stuck-jobs-2 run by ada: a plan",
                        "stuck-jobs-3 undo by ada: of stuck-jobs-2", "stuck-jobs-4 run by ada",
                        " pause by ada: to look", " resume by ada", "stuck-jobs-5 cancel by ada",
                    ])
                // A run is undone by its changes; who asked for it is none of them.
                let changes = events.filter { $0["record"] != "" }
                #expect(changes.map { $0["action"] } == ["fail", "undo", "fail"])
                let shown = try await scene.curfew("events", "--run", "stuck-jobs-4").output
                #expect(shown.contains("run by \(user)@\(host)"), "\(shown)")
            }
        }
    }
}

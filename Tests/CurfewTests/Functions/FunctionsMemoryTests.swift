import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("the function library: memory", .tags(.ownServer), .enabled(if: RedisServer.hasFunctions))
struct FunctionsMemoryTests {
    /// What scripts and functions hold, in bytes.
    private func held(_ scene: FunctionsScene) async throws -> Int {
        let info = try await scene.send("INFO", "memory")
        return try #require(info.infoField("used_memory_vm_functions").flatMap { Int($0) })
    }

    private func call(_ number: Int, bytes: Int, _ scene: FunctionsScene) async throws {
        var call = CommitWords()
        let padding = String(repeating: "x", count: bytes) + "\(number)"
        try call.statement([], [.init(0, "HSET", "field", padding)])
        call.change(keys: ["record"], "a")
        #expect(try await call.send(to: scene) == "[\"ok\"]")
    }

    @Test("long statements are carried out, and not kept in Redis's memory")
    func longStatements() async throws {
        try await withFunctions { scene in
            try await call(0, bytes: 10, scene)
            let before = try await held(scene)
            for number in 1...48 { try await call(number, bytes: 500_000, scene) }
            // What is no longer used goes at Lua's own time, and half of it is no measure of what is kept.
            let after = try await held(scene)
            #expect(after - before < 12 << 20, "\(before) bytes before, \(after) after")
        }
    }
}

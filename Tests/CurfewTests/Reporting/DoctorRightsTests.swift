import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("the doctor looks at rights", .tags(.ownServer), .timeLimit(.minutes(4)), .enabled(if: RedisServer.hasFunctions))
struct DoctorRightsTests {
    private static let cleanups = [
        #"{policy: retention, every: 1h, records: "job:<id>", since: [at], keep: 1d}"#,
        #"{policy: locks, every: 1h, records: "job:<id>", since: [at], timeout: 1h}"#,
        #"{policy: files, every: 1h, records: "job:<id>", since: [at], orphan: {unless: owner}, storage: up, object: key}"#,
    ]
    private static let storage =
        "storage: {up: {endpoint: http://127.0.0.1:9, bucket: up, access-key: a, secret-key: b}}\n"

    private func permissions(_ scene: CoordinationScene) async throws -> [String: Doctor.Finding] {
        let findings = try await Doctor(engine: try scene.engine("one")).permissions()
        return Dictionary(findings.map { ($0.check, $0) }) { first, _ in first }
    }

    @Test("without the right to move records, one that removes is reported", arguments: cleanups)
    func trash(cleanup: String) async throws {
        try await withInstances("\(Self.storage)cleanups:\n  old: \(cleanup)\n") { scene in
            #expect(try await permissions(scene)["permissions"]?.state == .ok)
            for command in ["rename", "pexpire", "pexpiretime", "set"] {
                try await scene.send("ACL", "SETUSER", "default", "-\(command)")
                let finding = try #require(try await permissions(scene)["permissions"])
                #expect(finding.state == .problem && finding.message.contains("\(command.uppercased()) "))
                try await scene.send("ACL", "SETUSER", "default", "+\(command)")
            }
        }
    }

    @Test("retention writes into no record, and is not asked for that right")
    func retention() async throws {
        try await withInstances("cleanups:\n  old: \(Self.cleanups[0])\n") { scene in
            try await scene.send("ACL", "SETUSER", "default", "-hset", "(+hset ~{curfew}:*)")
            #expect(try await permissions(scene)["permissions"]?.state == .ok)
        }
    }

    @Test("rights that nothing of Curfew needs are named, and so is a user who may do everything")
    func more() async throws {
        try await withInstances("cleanups:\n  old: \(Self.cleanups[0])\n") { scene in
            let all = try #require(try await permissions(scene)["more rights"])
            #expect(all.state == .warning && all.message.hasPrefix("user default may do everything: CONFIG GET, "))
            #expect(all.message.contains("keys that match no template"))
            let rights = [
                "-@admin", "-@dangerous", "+acl", "-function", "-@scripting", "resetkeys", "~job:*", "~{curfew}:*",
            ]
            try await scene.redis.send(RedisCommand("ACL", ["SETUSER", "default"] + rights + ["+config|get"]))
            let some = try #require(try await permissions(scene)["more rights"])
            #expect(
                some.message == "user default may do more than it needs: CONFIG GET, ACL SETUSER, ACL GETUSER, ACL LIST"
            )
        }
    }
}

import Policies
import Testing

@testable import Curfew

@Suite("the doctor looks at rights", .timeLimit(.minutes(4)))
struct DoctorRightsTests {
    private static let cleanups = [
        #"{policy: retention, every: 1h, records: "job:<id>", since: [at], keep: 1d}"#,
        #"{policy: locks, every: 1h, records: "job:<id>", since: [at], timeout: 1h}"#,
        #"{policy: files, every: 1h, records: "job:<id>", since: [at], orphan: {unless: owner}, storage: up, object: key}"#,
    ]
    private static let storage =
        "storage: {up: {endpoint: http://127.0.0.1:9, bucket: up, access-key: a, secret-key: b}}\n"

    @Test("without the right to move records, one that removes is reported", arguments: cleanups)
    func trash(cleanup: String) async throws {
        try await withInstances("\(Self.storage)cleanups:\n  old: \(cleanup)\n") { scene in
            let doctor = Doctor(engine: try scene.engine("one"))
            #expect(try await doctor.permissions().state == .ok)
            for command in ["rename", "pexpire", "pexpiretime", "set"] {
                try await scene.send("ACL", "SETUSER", "default", "-\(command)")
                let finding = try await doctor.permissions()
                #expect(finding.state == .problem && finding.message.contains("\(command.uppercased()) "))
                try await scene.send("ACL", "SETUSER", "default", "+\(command)")
            }
        }
    }

    @Test("retention writes into no record, and is not asked for that right")
    func retention() async throws {
        try await withInstances("cleanups:\n  old: \(Self.cleanups[0])\n") { scene in
            try await scene.send("ACL", "SETUSER", "default", "-hset", "(+hset ~{curfew}:*)")
            #expect(try await Doctor(engine: try scene.engine("one")).permissions().state == .ok)
        }
    }
}

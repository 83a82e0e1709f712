import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// A key outside the user's rights is the error of the record that needs it.
@Suite("sweep: keys outside the user's rights", .tags(.ownServer))
struct SweepRightsTests {
    @Test("a balance that the user may not write is its record's error, in preview and run; the others go on")
    func balance() async throws {
        let cleanup = """
            holds:
              policy: stuck
              every: 1m
              records: hold:<id>
              index: holds
              states: [reserved]
              since: [at]
              timeout: 10m
              to: released
              refund: {amount: amount, balance: "account:<owner>", ledger: "account:<owner>:refunds"}
            """
        try await withSweepScene(cleanup) { scene in
            let at = String((scene.began - .seconds(3_600)).milliseconds)
            for (id, owner) in [("1", "ada"), ("2", "root"), ("3", "ada")] {
                let fields = ["status": "reserved", "at": at, "amount": "5", "owner": owner]
                try await scene.write("hold:\(id)", fields, index: "holds", id: id)
            }
            _ = try await scene.send(
                "ACL", "SETUSER", "default", "resetkeys", "~hold:*", "~holds", "~account:ada*", "~{curfew}:*",
                "~curfew:*")
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("holds"))
            let result = try await scene.run("holds")
            for found in [preview, result] {
                #expect(found.records.map(\.id).sorted() == ["1", "3"], "\(found)")
                #expect(found.errors.map(\.id) == ["2"])
                #expect(found.errors.first?.error.contains("account:root") == true, "\(found.errors)")
            }
            #expect(result.status == .completedWithErrors && result.tokensRefunded == 10)
            #expect(try await scene.hash("hold:2")["status"] == "reserved")
            #expect(try await scene.hash("hold:3")["status"] == "released")
        }
    }

    @Test("a record that the user may not read is its own error, whether hash or JSON", arguments: ["hash", "json"])
    func record(format: String) async throws {
        let cleanup = """
            old: {policy: retention, every: 1h, records: "old:<id>", index: olds, format: \(format), since: [at], keep: 1h}
            """
        try await withSweepScene(cleanup) { scene in
            let at = String((scene.began - .seconds(7_200)).milliseconds)
            for id in ["open", "secret"] {
                if format == "hash" {
                    try await scene.write("old:\(id)", ["at": at], index: "olds", id: id)
                } else {
                    _ = try await scene.send("SET", "old:\(id)", #"{"at": \#(at)}"#)
                    _ = try await scene.send("ZADD", "olds", "1", id)
                }
            }
            _ = try await scene.send(
                "ACL", "SETUSER", "default", "resetkeys", "~old:open", "~olds", "~{curfew}:*", "~curfew:*")
            let result = try await scene.run("old")
            #expect(result.records.map(\.id) == ["open"] && result.errors.map(\.id) == ["secret"], "\(result)")
            #expect(result.errors[0].error.hasPrefix("old:secret can't be read: NOPERM"))
        }
    }
}

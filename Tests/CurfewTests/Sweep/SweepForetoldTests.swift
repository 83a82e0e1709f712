import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// A preview says what the commit would say.
@Suite("sweep: what a commit would say", .tags(.ownServer), .everyTopology)
struct SweepForetoldTests {
    private static let holds = """
        holds:
          policy: stuck
          every: 1m
          records: hold:<id>
          states: [reserved]
          since: [at]
          timeout: 10m
          to: released
          refund: {amount: amount, balance: "account:<owner>", ledger: "account:<owner>:refunds"}
        """

    private func hold(_ scene: SweepScene, _ id: String, _ amount: String, _ owner: String) async throws {
        let at = String((scene.began - .seconds(3_600)).milliseconds)
        try await scene.write("hold:\(id)", ["status": "reserved", "at": at, "amount": amount, "owner": owner])
    }

    @Test("every refusal of the commit is in the preview, with key, what was found and what was expected")
    func refusals() async throws {
        try await withSweepScene(Self.holds) { scene in
            try await hold(scene, "fine", "5", "ada")
            try await hold(scene, "list", "5", "bob")
            _ = try await scene.send("RPUSH", "account:bob", "1")
            try await hold(scene, "text", "5", "cyd")
            _ = try await scene.send("SET", "account:cyd", "1e3")
            try await hold(scene, "full", "8", "dan")
            _ = try await scene.send("SET", "account:dan", "9223372036854775800")
            try await hold(scene, "low", "8", "eve")
            _ = try await scene.send("SET", "account:eve", "-9223372036854775800")
            try await hold(scene, "ledger", "5", "fay")
            _ = try await scene.send("SADD", "account:fay:refunds", "x")
            let expected = [
                "list": "WRONGTYPE account:bob is a list: expected a string with a number",
                "text": "ERR account:cyd is “1e3”: expected a whole or decimal number",
                "full": "ERR account:dan is “9223372036854775800”: 8 more is too large for it",
                "ledger": "WRONGTYPE account:fay:refunds is a set: expected a hash",
            ]
            let before = try await scene.dump(withOwn: true)
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("holds"))
            #expect(try await scene.dump(withOwn: true) == before)
            let result = try await scene.run("holds")
            for found in [preview, result] {
                let errors = Dictionary(found.errors.map { ($0.id, $0.error.readable) }) { first, _ in first }
                #expect(errors == expected)
                #expect(found.records.map(\.id).sorted() == ["fine", "low"] && found.tokensRefunded == 13)
            }
            #expect(try await scene.text("account:ada") == "5")
            #expect(try await scene.text("account:eve") == "-9223372036854775792")
        }
    }

    @Test("two kinds with the same id and start are two charges; one that was paid before is said to be, everywhere")
    func paidBefore() async throws {
        let two = Self.holds + "\n" + Self.holds.replacing("holds:", with: "orders:").replacing("hold:", with: "order:")
        try await withSweepScene(two) { scene in
            try await hold(scene, "7", "5", "ada")
            let at = String((scene.began - .seconds(3_600)).milliseconds)
            let order = ["status": "reserved", "at": at, "amount": "20", "owner": "ada"]
            try await scene.write("order:7", order)
            #expect(try await scene.run("holds").tokensRefunded == 5)
            #expect(try await scene.run("orders").tokensRefunded == 20)
            #expect(try await scene.text("account:ada") == "25")
            #expect(try await scene.hash("account:ada:refunds") == ["hold:7@\(at)": "5", "order:7@\(at)": "20"])

            // The application takes the order up again under the old start.
            try await scene.write("order:7", order)
            let note = "; 20 not refunded again: order:7@\(at) is in account:ada:refunds already"
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("orders"))
            let result = try await scene.run("orders")
            for found in [preview, result] {
                #expect(found.tokensRefunded == 0 && found.refundedBefore == 1 && found.failed == 0, "\(found)")
                #expect(
                    found.records.map { $0.reason.hasSuffix(note) } == [true]
                        && found.message.contains("already refunded"))
            }
            let events = try await scene.stream(scene.keys.events).filter { $0["run"] == result.run }
            #expect(events.map { $0["reason"]?.hasSuffix(note) } == [true] && events[0]["tokens"] == "0")
            #expect(try await scene.text("account:ada") == "25")
        }
    }
}

import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Refunds of decimal amounts, and into a field of a hash: exact, as the preview says, and taken back by an undo.
@Suite("sweep: money", .tags(.ownServer), .everyTopology)
struct SweepMoneyTests {
    private static func cleanup(_ balance: String) -> String {
        """
        jobs: {policy: stuck, every: 1h, records: "job:<id>", index: due, states: [P], since: [at], timeout: 5m, to: F, refund: {amount: cost, balance: \(balance), ledger: "paid:<user>"}}
        """
    }

    private static let text = "\"user:<user>:money\""
    private static let field = "{key: \"user:<user>\", field: money}"

    private func job(_ scene: SweepScene, _ id: String, _ cost: String, user: String) async throws {
        let at = String((scene.began - .seconds(600)).milliseconds)
        try await scene.write(
            "job:\(id)", ["status": "P", "at": at, "cost": cost, "user": user], index: "due", id: id)
    }

    private func put(_ balance: String, of user: String, isField: Bool, _ scene: SweepScene) async throws {
        if isField {
            _ = try await scene.send("HSET", "user:\(user)", "money", balance)
        } else {
            _ = try await scene.send("SET", "user:\(user):money", balance)
        }
    }

    private func balance(of user: String, isField: Bool, _ scene: SweepScene) async throws -> String? {
        isField
            ? try await scene.hash("user:\(user)")["money"] : try await scene.text("user:\(user):money")
    }

    @Test("a refund is added exactly, with the larger scale of the two", arguments: [true, false])
    func adds(isField: Bool) async throws {
        let sums = [
            ("10.00", "12.50", "22.50"), ("10", "12.50", "22.50"), ("10.00", "5", "15.00"), ("10", "5", "15"),
            ("0.1", "0.2", "0.3"), ("-20.25", "0.5", "-19.75"), ("-0.50", "0.5", "0.00"), ("99.99", "0.01", "100.00"),
            ("123456789012345.67", "0.335", "123456789012346.005"),
        ]
        try await withSweepScene(Self.cleanup(isField ? Self.field : Self.text)) { scene in
            for (place, (before, cost, _)) in sums.enumerated() {
                try await put(before, of: "u\(place)", isField: isField, scene)
                try await job(scene, "\(place)", cost, user: "u\(place)")
            }
            try await job(scene, "new", "7.25", user: "new")
            let preview = try await scene.run("jobs", isDryRun: true)
            #expect(preview.failed == 0 && preview.totalFound == sums.count + 1, "\(preview.errors)")
            let result = try await scene.run("jobs")
            #expect(result.failed == 0 && result.cleanedUp == sums.count + 1, "\(result.errors)")
            #expect(result.tokensRefunded == preview.tokensRefunded)
            #expect(result.tokensRefunded.text == "43.795")
            for (place, (_, cost, after)) in sums.enumerated() {
                #expect(try await balance(of: "u\(place)", isField: isField, scene) == after)
                #expect(try await scene.hash("paid:u\(place)").values.first == cost)
            }
            #expect(try await balance(of: "new", isField: isField, scene) == "7.25")
        }
    }

    @Test("what can't be added is the record's error, in the preview as in the run", arguments: [true, false])
    func refuses(isField: Bool) async throws {
        let balances = [
            "ten", "1e5", " 12 ", "+5", "NaN", "1.2.3", ".5", "5.", "999999999999999999.99", "9223372036854775807",
        ]
        try await withSweepScene(Self.cleanup(isField ? Self.field : Self.text)) { scene in
            for (place, balance) in balances.enumerated() {
                try await put(balance, of: "u\(place)", isField: isField, scene)
                try await job(scene, "\(place)", place == balances.count - 1 ? "1" : "0.01", user: "u\(place)")
            }
            for cost in ["-1", "-0.5", "1e5", " 12 ", "+5", "NaN"] {
                try await job(scene, "cost\(cost.hashValue.magnitude)", cost, user: "poor")
            }
            let before = try await scene.dump()
            let preview = try await scene.run("jobs", isDryRun: true)
            #expect(preview.failed == balances.count + 6 && preview.tokensRefunded == 0)
            let result = try await scene.run("jobs")
            #expect(result.failed == balances.count + 6 && result.cleanedUp == 0, "\(result.records)")
            #expect(Set(preview.errors.map(\.error)) == Set(result.errors.map(\.error)))
            #expect(try await scene.dump() == before)
        }
    }

    @Test("whole numbers go into a field as they do into a text")
    func wholeField() async throws {
        try await withSweepScene(Self.cleanup(Self.field)) { scene in
            try await put("5", of: "u", isField: true, scene)
            for id in 0..<50 { try await job(scene, "\(id)", "3", user: "u") }
            let result = try await scene.run("jobs")
            #expect(result.cleanedUp == 50 && result.tokensRefunded == 150)
            #expect(try await balance(of: "u", isField: true, scene) == "155")
        }
    }
}

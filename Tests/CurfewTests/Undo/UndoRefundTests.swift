import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// A refund is taken back by a second entry of the ledger, and the same charge may then be paid once more.
@Suite("undo: refunds", .tags(.ownServer), .everyTopology)
struct UndoRefundTests {
    @Test("an undo takes the refund back by a second entry, in the step that puts the record back")
    func takenBack() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            _ = try await scene.send("SET", "user:u1:tokens", "5")
            let entry = "job:a@\((scene.began - .seconds(600)).milliseconds)"
            let run = try await scene.run("stuck-jobs")
            #expect(try await scene.text("user:u1:tokens") == "15")
            let result = try await scene.undo(run.run)
            #expect(result.tokensRefunded == -10 && result.records.map(\.tokensRefunded) == [-10])
            #expect(try await scene.text("user:u1:tokens") == "5")
            #expect(try await scene.hash("user:u1:refunds") == [entry: "10", entry + ":undone": "-10"])
        }
    }

    @Test("fail, undo, fail, undo, fail: the balance is right each time, and nothing is paid twice")
    func again() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            let entry = "job:a@\((scene.began - .seconds(600)).milliseconds)"
            for round in 1...3 {
                let run = try await scene.run("stuck-jobs")
                #expect(run.cleanedUp == 1 && run.tokensRefunded == 10)
                #expect(try await scene.text("user:u1:tokens") == "10", "round \(round)")
                guard round < 3 else { break }
                #expect(try await scene.undo(run.run).tokensRefunded == -10)
                #expect(try await scene.text("user:u1:tokens") == "0")
            }
            let ledger = [
                entry: "10", entry + ":undone": "-10", entry + ":2": "10", entry + ":2:undone": "-10",
                entry + ":3": "10",
            ]
            #expect(try await scene.hash("user:u1:refunds") == ledger)
            // Put back by the app, without an undo: the charge is paid, and stays so.
            try await scene.stick("a")
            #expect(try await scene.run("stuck-jobs").tokensRefunded == 0)
            #expect(try await scene.text("user:u1:tokens") == "10")
        }
    }

    @Test("a balance may go below zero, when the tokens were spent in between")
    func spent() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            let run = try await scene.run("stuck-jobs")
            _ = try await scene.send("SET", "user:u1:tokens", "3")
            #expect(try await scene.undo(run.run).cleanedUp == 1)
            #expect(try await scene.text("user:u1:tokens") == "-7")
        }
    }

    @Test("where the ledger doesn't say that it was paid, or the balance is no number, the record is left whole")
    func unclear() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            let run = try await scene.run("stuck-jobs")
            let ledger = try await scene.hash("user:u1:refunds")
            let entry = try #require(ledger.keys.first)
            _ = try await scene.send("HSET", "user:u1:refunds", entry, "9")
            var result = try await scene.undo(run.run)
            #expect(SweepScene.left(result) == ["a": "its refund of 10 doesn't stand in user:u1:refunds as \(entry)"])

            _ = try await scene.send("HSET", "user:u1:refunds", entry, "10")
            _ = try await scene.send("SET", "user:u1:tokens", "many")
            let before = try await scene.dump()
            result = try await scene.undo(run.run)
            #expect(result.status == .completedWithErrors && result.failed == 1 && result.cleanedUp == 0)
            #expect(
                result.errors.first?.error.readable.contains(
                    "user:u1:tokens is “many”: expected a whole or decimal number")
                    == true)
            #expect(try await scene.dump() == before)

            // The app changed who pays: it can't be said any more whose balance it was.
            _ = try await scene.send("HDEL", "job:a", "userId")
            result = try await scene.undo(run.run)
            #expect(SweepScene.left(result)["a"]?.hasPrefix("its refund can't be found: userId is missing") == true)
        }
    }

    @Test("ten refunds of one charge are enough: the ninth stands, and then no more is paid")
    func bounded() async throws {
        let entry = "a@1"
        let full = (1...9).flatMap { _ in ["10", "-10"] as [String?] }
        #expect(RefundEntry.next(entry, ledger: full) == nil)
        #expect(RefundEntry.next(entry, ledger: Array(full.prefix(16)) + [nil, nil]) == "a@1:9")
        #expect(RefundEntry.next(entry, ledger: ["10", nil] + Array(repeating: nil, count: 16)) == nil)
        #expect(
            RefundEntry.paid(entry, amount: "10", ledger: ["10", "-10", "10"] + Array(repeating: nil, count: 15))
                == "a@1:2")
        #expect(RefundEntry.paid(entry, amount: "10", ledger: full) == nil)
        #expect(RefundEntry.fields(of: entry).count == 18)
    }
}

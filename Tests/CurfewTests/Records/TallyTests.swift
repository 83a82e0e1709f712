import Policies
import Testing

@testable import Curfew

@Suite("the tally of a run")
struct TallyTests {
    private func change(tokens: Int64, bytes: Int64) -> Change {
        let refund = Refund(amount: tokens, balance: "balance", ledger: "ledger", entry: "a@1")
        return Change(
            action: .fail, from: "A", to: "B", reason: "", age: .zero, timeout: .zero,
            guards: [.field("status", equals: "A")], bytes: bytes, refund: refund, drift: .max)
    }

    @Test("sums that no number can hold stop at the largest, and the run goes on")
    func saturates() {
        var tally = Tally()
        for _ in 0..<3 { tally.changed("a", change(tokens: .max - 1, bytes: .max - 1), isDryRun: false) }
        #expect(tally.refunded == .max && tally.bytesFreed == .max && tally.drift == .max)
        #expect(tally.changed == 3)
    }
}

import Policies
import TestNeeds
import Testing

@testable import Curfew

@Suite("the counters of a run", .tags(.pure))
struct RunCountersTests {
    private func change(tokens: Int64, bytes: Int64) -> Change {
        let refund = Refund(amount: Amount(tokens), balance: "balance", ledger: "ledger", entry: "a@1")
        return Change(
            action: .fail, from: "A", to: "B", reason: "", age: .zero, timeout: .zero,
            guards: [.field("status", equals: "A")],
            effects: [.objects(ObjectDeletion(storage: "s", keys: ["o"], bytes: bytes)), .pay(refund)], drift: .max)
    }

    @Test("sums that no number can hold stop at the largest, and the run goes on")
    func saturates() {
        var counters = RunCounters()
        for _ in 0..<3 { counters.changed("a", change(tokens: .max - 1, bytes: .max - 1), isDryRun: false) }
        #expect(counters.refunded == Amount(.max) && counters.bytesFreed == .max && counters.drift == .max)
        #expect(counters.changed == 3)
    }
}

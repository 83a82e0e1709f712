internal import Policies

extension Change {
    /// The same change where its charge was paid back before: nothing is paid, and the reason says so.
    var unpaid: Change {
        guard let refund else { return self }
        var change = self
        change.refund = nil
        change.reason += Self.unpaidNote(refund)
        return change
    }

    /// What is said of a refund that isn't paid, behind the reason of the change.
    static func unpaidNote(_ refund: Refund) -> String {
        "; \(refund.amount) not refunded again: \(refund.entry) is in \(refund.ledger) already"
    }
}

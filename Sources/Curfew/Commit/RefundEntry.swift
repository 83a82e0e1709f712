/// The names under which the refunds of one charge stand in a ledger.
///
/// A charge is paid back once, under its entry. Where that was undone (`<entry>:undone` holds the amount taken back), the
/// same charge may be paid again, under `<entry>:2`, and so on.
enum RefundEntry {
    /// How often one charge can be paid back, each but the last undone in between.
    static let most = 9

    /// The entry of the payment of that number, from 1.
    static func name(_ entry: String, _ number: Int) -> String { number == 1 ? entry : "\(entry):\(number)" }

    /// The entry that takes a payment back.
    static func undone(_ name: String) -> String { name + ":undone" }

    /// Everything that a ledger may hold about a charge: each payment, and what takes it back.
    static func fields(of entry: String) -> [String] {
        (1...most).flatMap { [name(entry, $0), undone(name(entry, $0))] }
    }

    /// Where the charge is to be paid next, by what the ledger holds in these fields: nil where it is paid, and stands.
    static func next(_ entry: String, ledger: [String?]) -> String? {
        for number in 1...most {
            let place = 2 * (number - 1)
            guard ledger.indices.contains(place + 1) else { return nil }
            if ledger[place] == nil { return name(entry, number) }
            if ledger[place + 1] == nil { return nil }
        }
        return nil
    }

    /// The payment of that amount that stands, by what the ledger holds in these fields.
    static func paid(_ entry: String, amount: String, ledger: [String?]) -> String? {
        for number in (1...most).reversed() {
            let place = 2 * (number - 1)
            guard ledger.indices.contains(place + 1), ledger[place] != nil else { continue }
            return ledger[place] == amount && ledger[place + 1] == nil ? name(entry, number) : nil
        }
        return nil
    }
}

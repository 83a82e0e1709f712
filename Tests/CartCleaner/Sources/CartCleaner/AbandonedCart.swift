import Curfew

/// Empties carts that nobody has touched for a while and whose owner is away, and puts the owner on a list of people to
/// be written to.
struct AbandonedCart: Policy {
    static let name = "abandoned-cart"
    static let keys = ["idle", "reminders"]

    let idle: Duration
    let session: PolicyTemplate
    let reminders: PolicyTemplate

    init?(reading section: PolicySection) throws {
        let idle = section.duration("idle", required: true)
        let reminders = section.writtenTemplate("reminders", required: true)
        guard let idle, let reminders else { return nil }
        self.idle = idle
        self.reminders = reminders
        session = try PolicyTemplate("session:<owner>")
    }

    var meaning: String { "empties carts that nobody touched for \(idle)" }
    var timeout: Duration { idle }
    var reads: [PolicyRead] { [.field("status"), .field("touchedAt"), .field("owner"), .exists(session)] }
    var writes: [PolicyWrite] { [.field("status"), .field("items"), .field("emptiedAt"), .list(reminders)] }

    func verdict(on cart: PolicyRecord, at now: PolicyTime) throws -> PolicyVerdict {
        guard cart["status"] == "open" else { return .drop(because: "it is not open") }
        guard let touched = try cart.time("touchedAt") else {
            throw PolicyError("touchedAt is missing: expected when the cart was last touched")
        }
        // `--timeout` replaces what the file says, so the record is asked and not `idle`.
        let deadline = touched + cart.timeout
        guard now >= deadline else { return .leave(until: deadline, because: "touched at \(touched)") }

        let session = try session.key(for: cart)
        guard let isHere = try cart.exists(session) else { return .ask([.exists(session)]) }
        if isHere { return .leave(until: now + .seconds(300), because: "its owner is here") }

        return .change(
            PolicyChange(
                .cancel, reason: "nobody touched it since \(touched)",
                guards: cart.unchanged("status", "touchedAt", "owner") + [.absent(session)],
                effects: [
                    .set("status", to: "emptied"),
                    .unset("items"),
                    .set("emptiedAt", to: cart.text(for: now, like: "touchedAt")),
                    .append(cart["owner"] ?? "", toList: try reminders.key(for: cart)),
                ],
                from: "open", to: "emptied", age: now - touched, limit: cart.timeout))
    }
}

extension AbandonedCart {
    /// Without a file, for tests.
    init(idle: Duration, reminders: String) throws {
        self.idle = idle
        self.reminders = try PolicyTemplate(reminders)
        session = try PolicyTemplate("session:<owner>")
    }
}

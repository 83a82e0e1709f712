import Curfew
import Testing

@testable import CartCleaner

@Suite("abandoned carts")
struct AbandonedCartTests {
    private let now = PolicyTime(milliseconds: 1_796_000_000_000)

    private func cart(touched: Duration) -> PolicyRecord {
        PolicyRecord(
            id: "7", key: "cart:7",
            fields: ["status": "open", "touchedAt": "\((now - touched).milliseconds)", "owner": "ann"],
            timeout: .seconds(7_200), at: now)
    }

    private func policy() throws -> AbandonedCart {
        try AbandonedCart(idle: .seconds(7_200), reminders: "shop:reminders")
    }

    @Test("a cart that was touched lately is left until it is old enough")
    func young() throws {
        let verdict = try policy().verdict(on: cart(touched: .seconds(3_600)), at: now)
        #expect(verdict.until == now + .seconds(3_600))
    }

    @Test("an old one is emptied when its owner is away, and left while the owner is here")
    func old() throws {
        let cart = cart(touched: .seconds(9_000))
        let question = PolicyQuestion.exists("session:ann")
        #expect(try policy().verdict(on: cart, at: now).questions == [question])
        let here = try policy().verdict(on: cart.answering(question, with: .exists(true)), at: now)
        #expect(here.because == "its owner is here")
        let away = try policy().verdict(on: cart.answering(question, with: .exists(false)), at: now)
        let change = try #require(away.change)
        #expect(change.action == .cancel)
        #expect(change.effects.contains(.append("ann", toList: "shop:reminders")))
        #expect(change.guards.contains(.absent("session:ann")))
    }

    @Test("a cart without a time is an error, and no guess")
    func timeless() throws {
        let cart = PolicyRecord(id: "7", fields: ["status": "open"], at: now)
        #expect(throws: PolicyError.self) { try policy().verdict(on: cart, at: now) }
    }
}

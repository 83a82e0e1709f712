import TestNeeds
import Testing

@testable import Policies

/// Amounts of money: exact, whole or decimal, as they are written.
@Suite("Amounts", .tags(.pure))
struct AmountTests {
    @Test(
        "an amount reads back as it is written",
        arguments: ["0", "7", "12.50", "0.05", "-0.05", "-12.50", "999999999999999999.999999999999999999", "5.00"])
    func text(text: String) throws {
        #expect(try #require(Amount(text: text)).text == text)
    }

    @Test("one zero behind the point is a whole number written by a language that knows but one kind")
    func whole() {
        #expect(Amount(text: "7.0") == 7 && Amount(text: "7.00") != 7)
    }

    @Test(
        "sums are exact and have the larger scale",
        arguments: [
            ("12.50", "0.5", "13.00"), ("10.00", "12.50", "22.50"), ("0.1", "0.2", "0.3"), ("-12.50", "12.50", "0.00"),
            ("10", "2.50", "12.50"), ("99.99", "0.01", "100.00"), ("-1.5", "0.25", "-1.25"),
        ])
    func sums(one: String, other: String, sum: String) throws {
        #expect(try (#require(Amount(text: one)) + #require(Amount(text: other))).text == sum)
    }

    @Test("amounts compare by what they are worth")
    func order() throws {
        let (small, large) = (try #require(Amount(text: "9.99")), try #require(Amount(text: "10")))
        #expect(small < large && -large < -small && small > 0)
    }

    @Test("a sum that is no amount any more doesn't fit")
    func fits() throws {
        let most = try #require(Amount(balance: "999999999999999999.99"))
        #expect(try !#require(Amount(text: "0.01")).fits(most))
        #expect(Amount(.max - 1).fits(1) && !Amount(.max).fits(1))
    }
}

import Policies
import RedisClient
import Testing

@testable import Curfew

/// What is written down of a page before its first record is touched.
@Suite("saga: plans")
struct SagaPlanTests {
    static let odd = [
        "", ":", "3:job", "a b\nc\r\n", "日本語", "{\"a\":\"\\u0000\"}", String(repeating: "x", count: 1_000),
    ]

    @Test("any words come back as they were")
    func words() {
        #expect(WordList.words(of: WordList.text(Self.odd)) == Self.odd)
        #expect(WordList.words(of: "") == [])
        #expect(WordList.text(["job", "é"]) == "3:job2:é")
    }

    @Test(
        "a text that was cut off, or is none, is no list of words",
        arguments: ["3", "3:", "3:ab", "x:abc", "-1:a", "3:abc4:d", "99999999999999999999:a"])
    func broken(text: String) {
        #expect(WordList.words(of: text) == nil)
    }

    @Test("a plan comes back as it was, whatever its records are called")
    func plan() throws {
        var entries: [SagaEntry] = []
        for (place, odd) in Self.odd.enumerated() {
            entries.append(
                SagaEntry(
                    place: place, id: odd, key: "job:" + odd,
                    refund: Refund(amount: 10, balance: "b" + odd, ledger: "l" + odd, entry: odd), queue: odd,
                    isStream: place % 2 == 0, moves: Array(Self.odd.prefix(place)), tokens: 10,
                    event: .init(
                        action: "fail", from: odd, to: odd, reason: odd, type: odd, bytes: .max, before: odd,
                        time: "1")))
            entries.append(SagaEntry(place: place + 100, id: odd, key: odd))
        }
        let plan = SagaPlan(run: "stuck-jobs-7", page: "12", entries: entries)
        #expect(SagaPlan(text: plan.text) == plan)
        #expect(plan.field == "stuck-jobs-7/12")
        for length in stride(from: 1, to: plan.text.utf8.count, by: 97) {
            let cut = String(decoding: Array(plan.text.utf8.prefix(length)), as: UTF8.self)
            #expect(SagaPlan(text: cut) != plan)
        }
    }

    @Test("names that go with a key are in its slot, wherever it has braces", arguments: SagaPlanTests.keys)
    func names(key: String) {
        let slot = RedisSlot.of(key)
        for name in [
            Keys.trash(of: key, run: "old-jobs-3"), Keys.pending(of: key, run: "old-jobs-3"),
            Keys.once(at: key, run: "old-jobs-3"), Keys.trash(of: key, run: "old-jobs-3") + ":expires",
        ] {
            #expect(RedisSlot.of(name) == slot, "\(name)")
        }
        #expect(Keys.trash(of: key, run: "a-1") != Keys.trash(of: key + "x", run: "a-1"))
    }

    static let keys = [
        "job:1", "job:{1}", "{job}:1", "user:{u1}:{x}", "{}job:1", "job:{}:1", "job:1}", "}job{", "a}b", "a}b{c", "a{b",
        "a{b}c}d", "{{a}}", "{a", "a}", "}", "{", "{}", "}{", "{}{a}", "a}{b}", "é{ü}ö", "}é", "a{\u{301}b}c", " ",
    ]

    @Test("names of well-known keys read well")
    func readable() {
        #expect(Keys.trash(of: "job:1", run: "old-jobs-3") == "curfew:trash:old-jobs-3:{job:1}")
        #expect(Keys.trash(of: "job:{1}", run: "old-jobs-3") == "curfew:trash:old-jobs-3:job:{1}")
        #expect(Keys.pending(of: "job:1", run: "stuck-jobs-3") == "curfew:pending:stuck-jobs-3:{job:1}")
    }
}

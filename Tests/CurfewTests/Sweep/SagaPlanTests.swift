import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What is written down of a page with the records' parts of its changes, and where.
@Suite("saga: plans", .tags(.pure))
struct SagaPlanTests {
    static let odd =
        [
            "", ":", "3:job", "a b\nc\r\n", "日本語", "{\"a\":\"\\u0000\"}", String(repeating: "x", count: 1_000),
        ].map(\.held) + [ByteText.held([0xE9, 0xFF, 0x00])]

    @Test("any words come back as they were")
    func words() {
        #expect(WordList.words(of: WordList.text(Self.odd)) == Self.odd)
        #expect(WordList.words(of: "") == [])
        #expect(WordList.text(["job", "é".held]).readable == "3:job2:é")
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
                    effects: [
                        .pay(Refund(amount: 10, balance: "b" + odd, ledger: "l" + odd, entry: odd)),
                        .credit(Refund(amount: -10, balance: "b" + odd, ledger: "l" + odd, entry: odd)),
                        .enter(Refund(amount: Amount(.max), balance: "b" + odd, ledger: "l" + odd, entry: odd)),
                        .put(
                            [
                                Push(key: odd, kind: .stream), Push(key: odd, kind: .list, isAtHead: true),
                                Push(key: odd, kind: .zset, score: "1.5"),
                            ][place % 3]),
                        .put(
                            [
                                Push(key: odd, kind: .hash, content: .text(odd), field: "f" + odd),
                                Push(key: odd, kind: .text, content: .text(odd), keptFor: .seconds(7)),
                                Push(
                                    key: odd, kind: .stream,
                                    content: .fields([FieldWrite(field: odd, value: odd)], json: odd)),
                            ][place % 3]),
                        .take(Taking(key: odd, kind: place % 2 == 0 ? .zset : .list)),
                        .take(Taking(key: odd, kind: .hash, member: odd, field: "f" + odd)),
                        .take(Taking(key: odd, kind: .set, member: odd)),
                        .store(StoredText(key: odd, text: "1,2", keptFor: place == 0 ? nil : .seconds(60))),
                        .erase(odd), .restore(Restoration(key: odd, run: odd, expires: place == 0 ? nil : "17")),
                        .relist(Relisting(index: odd, score: "1.5", rule: place == 0 ? .ifAbsent : .ifEarlier)),
                    ] + Self.odd.prefix(place).map { .discard($0) },
                    tokens: 10,
                    event: .init(
                        action: "fail", from: odd, to: odd, reason: odd, type: odd, bytes: .max, before: odd,
                        time: "1")))
            entries.append(SagaEntry(place: place + 100, id: odd, key: odd))
        }
        let plan = SagaPlan(run: "stuck-jobs-7", page: "12", entries: entries)
        #expect(SagaPlan(text: ByteText.held(plan.text)) == plan)
        #expect(plan.recorded == "told/12")
        for length in stride(from: 1, to: plan.text.count, by: 97) {
            let cut = ByteText.held(plan.text.prefix(length))
            #expect(SagaPlan(text: cut) != plan)
        }
    }

    /// Changes that say much of what the one before them says, as those of a page do.
    private static func alike(_ count: Int) -> [SagaEntry] {
        (0..<count).map { place in
            let refund = Refund(amount: 10, balance: "user:{7}:tokens", ledger: "user:{7}:refunds", entry: "\(place)")
            return SagaEntry(
                place: place, id: "\(place)", key: "job:\(place)",
                effects: place % 5 == 4 ? [.discard("job:\(place):log"), .pay(refund)] : [.pay(refund)],
                tokens: place % 7 == 6 ? 0 : 10,
                event: place % 11 == 10
                    ? nil
                    : .init(
                        action: "fail", from: "RUNNING", to: "FAILED",
                        reason: place % 3 == 0 ? "stuck in RUNNING for 10m: startedAt was …".held : "stuck for long",
                        type: "A", bytes: 0, before: "{\"status\":\"RUNNING\"}", time: "1796043982057"))
        }
    }

    @Test("what a change says as the one before it is written once, and comes back for each")
    func alike() throws {
        let plan = SagaPlan(run: "stuck-jobs-7", page: "12", entries: Self.alike(100))
        let text = ByteText.held(plan.text)
        #expect(SagaPlan(text: text) == plan)
        #expect(text.hasPrefix("1:5"))
        // Each alone takes more than 200 bytes.
        #expect(plan.text.count < 100 * 120, "\(plan.text.count)")
        #expect(text.split(separator: "1796043982057").count - 1 < 50)
    }

    @Test("what an earlier version has written down is read, and what leaves out the first is none")
    func earlier() throws {
        let event = "4:fail7:RUNNING6:FAILED5:stuck1:A1:02:{}1:50:"
        let effect = "1:11:53:pay2:105:b:{u}5:l:{u}3:e@1"
        let fourth =
            "1:46:jobs-13:1/2" + "1:01:a5:job:a2:10\(effect)1:9\(event)" + "1:31:b5:job:b2:10\(effect)1:9\(event)"
        let refund = Refund(amount: 10, balance: "b:{u}", ledger: "l:{u}", entry: "e@1")
        let entries = [(0, "a"), (3, "b")].map { place, id in
            SagaEntry(
                place: place, id: id, key: "job:\(id)", effects: [.pay(refund)], tokens: 10,
                event: .init(
                    action: "fail", from: "RUNNING", to: "FAILED", reason: "stuck", type: "A", bytes: 0, before: "{}",
                    time: "5"))
        }
        let plan = SagaPlan(run: "jobs-1", page: "1/2", entries: entries)
        #expect(SagaPlan(text: fourth) == plan)
        #expect(plan.text.count < fourth.utf8.count)
        #expect(SagaPlan(text: "1:56:jobs-13:1/2=1:a5:job:a2:101:01:0") == nil)
        #expect(SagaPlan(text: "1:5=3:1/2") == nil)
    }

    @Test(
        "changes that were not made are left out of those that were",
        arguments: [
            (nil, [1, 2, 3, 4]), ("", [1, 2, 3, 4]), ("2", [1, 3, 4]), ("4 1", [2, 3]), ("3+", [1, 2]),
            ("1 4+", [2, 3]),
            ("1+", []), ("9+", [1, 2, 3, 4]), ("7", [1, 2, 3, 4]),
        ] as [(String?, [Int])])
    func omitted(text: String?, made: [Int]) {
        #expect(SagaPart.made(of: [1, 2, 3, 4], omitting: text) == made)
    }

    @Test("a mark is named so that it is found again, and tells its own fields from those of others")
    func marks() {
        for odd in Self.odd {
            let mark = SagaMark(key: "curfew:pending:\(odd)", term: "7 \(odd) 5")
            #expect(SagaLogEntry.read(SagaLogEntry.of([mark])[0].text) == mark)
            #expect(mark.isPart(mark.field(12)))
            let part = SagaPart(mark: mark, field: mark.field(12), places: [1], node: nil)
            #expect(!mark.isPart(part.omitted) && !mark.isPart(mark.closed))
            #expect(!SagaMark(key: mark.key, term: mark.term + " 9").isPart(mark.field(12)))
            #expect(!mark.isPart(SagaMark(key: mark.key, term: mark.term + "/x 9").field(12)))
        }
        #expect(SagaLogEntry.read("1:13:run1:t") == nil && SagaLogEntry.read("x") == nil)
        #expect(!SagaPlan.isRecorded(SagaLogEntry.field(of: SagaMark(key: "told/", term: "told/"))))
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

import Policies
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("DueCursor", .tags(.pure))
struct CoordinationCursorTests {
    private static func entries(_ ids: Range<Int>, score: Double = 1) -> [DueEntry] {
        ids.map { DueEntry(id: "\($0)", score: score, scoreText: "1") }
    }

    private let horizon = Timestamp(milliseconds: 10)

    @Test("what was taken is not taken again while it is on its way, and what was left is not asked for again")
    func passesOver() {
        var cursor = DueCursor()
        var range = cursor.range(count: 2)
        #expect(range == 0...1)
        #expect(cursor.take(Self.entries(0..<2), asked: range, horizon: horizon).map(\.id) == ["0", "1"])
        range = cursor.range(count: 2)
        #expect(range == 0...3)
        #expect(cursor.take(Self.entries(0..<4), asked: range, horizon: horizon).map(\.id) == ["2", "3"])
        cursor.finished("0", stays: true)
        cursor.finished("1", stays: false)
        #expect(cursor.range(count: 2) == 1...4)
        #expect(!cursor.isExhausted)
    }

    @Test("fewer entries than asked for, or one beyond the horizon, are the last")
    func exhausted() {
        var short = DueCursor()
        _ = short.take(Self.entries(0..<1), asked: short.range(count: 2), horizon: horizon)
        #expect(short.isExhausted)
        var later = DueCursor()
        let entries = Self.entries(0..<1, score: 10) + Self.entries(1..<2, score: 11)
        #expect(later.take(entries, asked: later.range(count: 2), horizon: horizon).map(\.id) == ["0"])
        #expect(later.isExhausted)
    }

    /// The index as a sweep and an app change it: a list in the order of its scores.
    private struct Model {
        var generator: Seeded
        var index: [DueEntry] = []
        var stays: [String: Bool] = [:]
        var moved: Set<String> = []
        var seen: [String: Int] = [:]

        mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

        /// What Redis would answer.
        func range(_ range: ClosedRange<Int>) -> [DueEntry] {
            Array(index.dropFirst(range.lowerBound).prefix(range.count))
        }

        /// What a commit does to the index.
        mutating func commit(_ page: [DueEntry]) {
            index.removeAll { entry in stays[entry.id] == false && page.contains { $0.id == entry.id } }
        }

        /// What the app does meanwhile: takes away what was not looked at yet, and adds more at the end.
        mutating func interfere(unseen place: Int) {
            if chance(20), place < index.count {
                moved.insert(index.remove(at: Int.random(in: place..<index.count, using: &generator)).id)
            }
            if chance(20) {
                let entry = DueEntry(id: "new-\(stays.count)", score: 9, scoreText: "9")
                stays[entry.id] = chance(50)
                index.insert(entry, at: index.firstIndex { $0.score > 9 } ?? index.endIndex)
            }
        }
    }

    /// Sweeps a model as ``Sweep`` does: a page in hand is committed while the range for later ones is read.
    private func sweep(_ model: inout Model, readAhead: Int) {
        var cursor = DueCursor()
        var queue: [DueEntry] = []
        var page: [DueEntry] = []
        repeat {
            for entry in page { model.seen[entry.id, default: 0] += 1 }
            var range: ClosedRange<Int>?
            if !cursor.isExhausted, model.chance(70) || queue.isEmpty { range = cursor.range(count: readAhead) }
            var answer: [DueEntry] = []
            let isReadFirst = model.chance(50)
            if isReadFirst, let range { answer = model.range(range) }
            model.commit(page)
            if !isReadFirst, let range { answer = model.range(range) }
            if let range { queue += cursor.take(answer, asked: range, horizon: horizon) }
            for entry in page { cursor.finished(entry.id, stays: model.stays[entry.id] == true) }
            let taken = model.index.count { entry in queue.contains { $0.id == entry.id } }
            if !cursor.isExhausted { model.interfere(unseen: cursor.left + taken) }
            page = Array(queue.prefix(Int.random(in: 1...8, using: &model.generator)))
            queue.removeFirst(page.count)
        } while !page.isEmpty || !cursor.isExhausted
    }

    @Test("every entry that is due and that nobody moved is seen exactly once, whatever stays or goes")
    func property() {
        for _ in 0..<300 {
            let seed = UInt64.random(in: 0...UInt64.max)
            var model = Model(generator: Seeded(seed))
            for number in 0..<Int.random(in: 0...120, using: &model.generator) {
                // A tenth lies beyond the horizon.
                let score = Double(Int.random(in: 0...9, using: &model.generator)) + (model.chance(10) ? 11 : 0)
                model.index.append(DueEntry(id: "\(number)", score: score, scoreText: String(score)))
                model.stays["\(number)"] = model.chance(50)
            }
            model.index.sort { $0.score < $1.score }
            let due = Set(model.index.filter { $0.score <= 10 }.map(\.id))
            sweep(&model, readAhead: Int.random(in: 1...40, using: &model.generator))
            for id in due where !model.moved.contains(id) {
                #expect(model.seen[id] == 1, "seed \(seed): \(id) was seen \(model.seen[id] ?? 0) times")
            }
            #expect(model.seen.values.allSatisfy { $0 == 1 }, "seed \(seed)")
            #expect(model.seen.keys.allSatisfy { due.contains($0) || $0.hasPrefix("new-") }, "seed \(seed)")
        }
    }
}

@Suite("PageSize", .tags(.pure))
struct CoordinationPageSizeTests {
    @Test("it starts at 40, or at what is configured and stays there")
    func start() {
        #expect(PageSize().current == 40)
        var fixed = PageSize(fixed: 200)
        for _ in 0..<20 { fixed.called(with: 200, took: .seconds(1)) }
        #expect(fixed.current == 200)
    }

    @Test("quick calls let it grow a little each time, to what takes the time aimed at")
    func grows() {
        var size = PageSize()
        size.called(with: 40, took: PageSize.Aim.usual.time / 10)
        #expect(size.current == 45)
        for _ in 0..<100 { size.called(with: size.current, took: PageSize.Aim.usual.time / 500 * size.current) }
        #expect((499...500).contains(size.current))
    }

    @Test("slow calls let it shrink, one slow call among quick ones doesn't")
    func shrinks() {
        var size = PageSize()
        let usual = PageSize.Aim.usual.time
        for _ in 0..<5 { size.called(with: 40, took: usual) }
        size.called(with: 40, took: usual * 100)
        #expect(size.current == 40)
        for _ in 0..<5 { size.called(with: 64, took: usual * 2) }
        #expect(size.current == 32)
    }

    @Test("it never leaves its bounds")
    func bounds() {
        var size = PageSize()
        for _ in 0..<10 { size.called(with: size.current, took: .seconds(5)) }
        #expect(size.current == PageSize.Aim.usual.bounds.lowerBound)
        for _ in 0..<200 { size.called(with: size.current, took: .nanoseconds(50)) }
        #expect(size.current == PageSize.Aim.usual.bounds.upperBound)
    }

    @Test("history goes in smaller calls than everything else")
    func gentle() {
        var size = PageSize(aim: .of(RecordManner(isGentle: true)))
        #expect(size.current < PageSize(aim: .of(RecordManner())).current)
        for _ in 0..<10 { size.called(with: size.current, took: .microseconds(20) * size.current) }
        #expect((16...20).contains(size.current))
    }

    @Test("small calls and calls of no time tell nothing")
    func tellsNothing() {
        var size = PageSize()
        for _ in 0..<10 { size.called(with: 9, took: .seconds(5)) }
        for _ in 0..<10 { size.called(with: 64, took: .zero) }
        #expect(size.current == 40)
    }
}

internal import Policies
internal import RedisClient

/// What is left of some changes of a page, as it is written down with the records' parts of them.
struct SagaPlan: Sendable, Equatable {
    /// The versions of the form it is written in: what an earlier one has begun may be finished by this one.
    enum Version: String {
        /// It knew no recoveries.
        case second = "2"
        /// It knew a refund, a queue, keys that go along, and recoveries.
        case third = "3"
        /// It knew effects, and wrote down all of each change.
        case fourth = "4"
        /// It leaves out what the change before it says too.
        case current = "5"

        /// Whether effects are written one by one.
        var knowsEffects: Bool { self == .fourth || self == .current }
    }

    /// The run that made it.
    let run: String
    /// The lease it was made under, and the number of the page.
    let page: String
    /// Its changes.
    var entries: [SagaEntry] = []

    /// The field in our own slot that shows whose events are written, by their places in the page.
    var recorded: String { Self.recordedPrefix + page }

    private static let recordedPrefix = "told/"

    /// Whether a field is such a one.
    static func isRecorded(_ field: String) -> Bool { field.hasPrefix(recordedPrefix) }

    /// The plan as text.
    var text: [UInt8] { Self.text(run: run, page: page, entries) }

    /// The text of a plan with these entries.
    static func text(run: String, page: String, _ entries: some Collection<SagaEntry>) -> [UInt8] {
        var words = WordWriter(capacity: 1_000 + 200 * entries.count)
        for word in [Version.current.rawValue, run, page] { words.append(word) }
        for entry in entries {
            words.beginItem()
            entry.write(to: &words)
        }
        return words.bytes
    }

    /// Makes a plan.
    init(run: String, page: String, entries: [SagaEntry] = []) {
        (self.run, self.page, self.entries) = (run, page, entries)
    }

    /// Reads a plan; nil where the text is none.
    init?(text: String) {
        guard let words = WordList.items(of: text) else { return nil }
        var reader = WordReader(words)
        guard let version = reader.next().flatMap(Version.init), let run = reader.next(), let page = reader.next()
        else { return nil }
        self.init(run: run, page: page)
        while !reader.isAtEnd {
            reader.beginItem()
            guard let entry = SagaEntry(&reader, version: version) else { return nil }
            entries.append(entry)
        }
    }
}

/// Those changes of a page whose records are on one node: they are made in one call, under one mark.
struct SagaPart: Sendable {
    let mark: SagaMark
    /// The field of the mark, never used before.
    let field: String
    /// The places of its changes in the page.
    let places: [Int]
    /// The node; nil for a change that goes alone to whoever has its slot.
    let node: RedisClient.Node?
    /// Whether all of its changes only remove or free, and are made also where the node has no memory left.
    var isBrief = false

    /// What the field ends with that says which of the changes were not made.
    static let omittedSuffix = "/omitted"

    /// The field that says which of the changes were not made, by their numbers from 1; not there where all were.
    var omitted: String { field + Self.omittedSuffix }

    /// The places that were made, as it was noted.
    func made(omitting text: String?) -> [Int] { Self.made(of: places, omitting: text) }

    /// Those of a list that were made: all but the numbers from 1 in the text, and all from one on that has a `+`.
    static func made<Element>(of list: [Element], omitting text: String?) -> [Element] {
        var omitted: Set<Int> = []
        for word in (text ?? "").split(separator: " ") {
            guard let number = Int(word.filter(\.isNumber)) else { continue }
            omitted.formUnion(word.hasSuffix("+") ? number...max(number, list.count) : number...number)
        }
        return list.indices.filter { !omitted.contains($0 + 1) }.map { list[$0] }
    }
}

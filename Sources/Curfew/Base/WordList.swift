internal import Glibc
internal import RedisClient

/// Words in one text, each behind its length in bytes, so that a word may hold anything: `3:job5:a b\nc`.
///
/// JSON would do too, but a page of changes is written down with every commit, and this costs a copy.
enum WordList {
    /// The text of some words.
    static func text(_ words: [String]) -> String {
        var writer = WordWriter()
        for word in words { writer.append(word) }
        return writer.text
    }

    /// The words of a text; nil where it isn't written so.
    static func words(of text: String) -> [String]? {
        guard let words = items(of: text) else { return nil }
        let known = words.compactMap(\.self)
        return known.count == words.count ? known : nil
    }

    /// The words of a text of which some are left out: nil stands for ``WordWriter/same``.
    static func items(of text: String) -> [String?]? {
        let bytes = ByteText.bytes(of: text)
        var words: [String?] = []
        var place = 0
        while place < bytes.count {
            if bytes[place] == WordWriter.same {
                words.append(nil)
                place += 1
                continue
            }
            guard let colon = bytes[place...].firstIndex(of: UInt8(ascii: ":")),
                let length = Int(String(decoding: bytes[place..<colon], as: UTF8.self)), length >= 0,
                length < bytes.count - colon
            else { return nil }
            words.append(ByteText.held(bytes[(colon + 1)..<(colon + 1 + length)]))
            place = colon + 1 + length
        }
        return words
    }
}

/// Writes words one after the other.
///
/// They may be those of many things of one kind, of which each says much of what the one before it says
/// (``beginItem()``): what is the same at the same place is left out.
struct WordWriter {
    /// Stands for the word that the item before has at the same place.
    static let same = UInt8(ascii: "=")

    /// What was written.
    private(set) var bytes: [UInt8] = []
    /// Where the words of the item before stand in the text, and those of this one so far; empty before the first item.
    private var before: [Range<Int>] = []
    private var current: [Range<Int>] = []
    private var isItem = false

    /// A writer with room for so many bytes.
    init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// What was written, as text.
    var text: String { ByteText.held(bytes) }

    /// The next words are those of another item.
    mutating func beginItem() {
        isItem = true
        swap(&before, &current)
        current.removeAll(keepingCapacity: true)
    }

    /// Writes a word.
    mutating func append(_ word: String) {
        var word = word
        word.withUTF8 { utf8 in
            guard ByteText.mayHold(utf8) else { return append(utf8) }
            ByteText.bytes(ofHeld: utf8).withUnsafeBufferPointer { append($0) }
        }
    }

    private mutating func append(_ word: UnsafeBufferPointer<UInt8>) {
        guard isItem else { return write(word) }
        if current.count < before.count, isWritten(word, at: before[current.count]) {
            bytes.append(Self.same)
            current.append(before[current.count])
            return
        }
        write(word)
        current.append(bytes.count - word.count..<bytes.count)
    }

    private mutating func write(_ word: UnsafeBufferPointer<UInt8>) {
        append(digitsOf: word.count)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: word)
    }

    private func isWritten(_ word: UnsafeBufferPointer<UInt8>, at range: Range<Int>) -> Bool {
        guard range.count == word.count else { return false }
        guard let start = word.baseAddress, !range.isEmpty else { return true }
        return bytes.withUnsafeBytes { text in
            text.baseAddress.map { memcmp($0 + range.lowerBound, start, word.count) == 0 } ?? false
        }
    }

    /// Writes a number.
    mutating func append(_ number: some BinaryInteger) { append(String(number)) }

    private mutating func append(digitsOf number: Int) {
        if number >= 10 { append(digitsOf: number / 10) }
        bytes.append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}

/// Takes words one by one off a list that was written by an earlier self.
struct WordReader {
    private var words: ArraySlice<String?>
    /// The words of the item before, and those of this one so far.
    private var before: [String] = []
    private var current: [String] = []
    private var isItem = false

    init(_ words: [String?]) {
        self.words = words[...]
    }

    /// Whether all words are taken.
    var isAtEnd: Bool { words.isEmpty }

    /// The next words are those of another item; see ``WordWriter/beginItem()``.
    mutating func beginItem() {
        isItem = true
        before = current
        current = []
    }

    /// The next word; nil where there is none.
    mutating func next() -> String? {
        guard let item = words.popFirst() else { return nil }
        guard let word = item ?? (before.indices.contains(current.count) ? before[current.count] : nil) else {
            return nil
        }
        if isItem { current.append(word) }
        return word
    }

    /// The next word as a number.
    mutating func number() -> Int64? { next().flatMap { Int64($0) } }

    /// A list, which begins with its number of words; that many are there, or it is none.
    mutating func list() -> [String]? {
        guard let count = number(), (0...Int64(words.count)).contains(count) else { return nil }
        var list: [String] = []
        for _ in 0..<count {
            guard let word = next() else { return nil }
            list.append(word)
        }
        return list
    }
}

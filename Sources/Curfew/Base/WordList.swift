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
        let bytes = ByteText.bytes(of: text)
        var words: [String] = []
        var place = 0
        while place < bytes.count {
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
struct WordWriter {
    /// What was written.
    private(set) var bytes: [UInt8] = []

    /// A writer with room for so many bytes.
    init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// What was written, as text.
    var text: String { ByteText.held(bytes) }

    /// Writes a word.
    mutating func append(_ word: String) {
        var word = word
        word.withUTF8 { utf8 in
            guard !ByteText.mayHold(utf8) else { return append(ByteText.bytes(ofHeld: utf8)) }
            append(utf8)
        }
    }

    private mutating func append(_ word: some Collection<UInt8>) {
        append(digitsOf: word.count)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: word)
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
    private var words: ArraySlice<String>

    init(_ words: [String]) {
        self.words = words[...]
    }

    /// Whether all words are taken.
    var isAtEnd: Bool { words.isEmpty }

    /// The next word; nil where there is none.
    mutating func next() -> String? { words.popFirst() }

    /// The next word as a number.
    mutating func number() -> Int64? { next().flatMap { Int64($0) } }

    /// A list, which begins with its number of words; that many are there, or it is none.
    mutating func list() -> [String]? {
        guard let count = number(), (0...Int64(words.count)).contains(count) else { return nil }
        defer { words = words.dropFirst(Int(count)) }
        return Array(words.prefix(Int(count)))
    }
}

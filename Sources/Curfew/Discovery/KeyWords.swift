internal import RedisClient

/// A key in words, each with the separators before it.
///
///     {user:42}:tokens        {·user  :·42  }:·tokens
///     celery-task-meta-<id>   ·celery-task-meta  -·<id>
///
/// Words are what stands between `:`, `/`, `|`, `#` and braces; where there are none of these, between points. An id at
/// the end of the first word (`session-42`) is a word of its own: without it no template could begin with a name.
enum KeyWords {
    /// One word; separators at the end of a key come before an empty one.
    struct Word: Hashable, Sendable {
        /// What stands before it.
        var separator: String
        /// The word itself.
        var text: String
    }

    /// The most words; what is left of a longer key is the last of them.
    static let most = 12

    private static let separators = Set(":/|#{}".utf8)
    private static let points = Set(".".utf8)

    /// The words of a key.
    static func words(of key: String) -> [Word] {
        let isParted = key.utf8.contains { separators.contains($0) }
        var words = split(key, at: isParted ? separators : points)
        guard let first = words.first, words.count == 1 || isParted, let cut = idAtEnd(of: first.text) else {
            return words
        }
        let head = first.text[..<cut]
        let rest = first.text[first.text.index(after: cut)...]
        words[0].text = String(head)
        words.insert(Word(separator: String(first.text[cut]), text: String(rest)), at: 1)
        return words
    }

    private static func split(_ key: String, at separators: Set<UInt8>) -> [Word] {
        var words: [Word] = []
        let utf8 = key.utf8
        var place = utf8.startIndex
        while place < utf8.endIndex {
            let start = place
            while place < utf8.endIndex, separators.contains(utf8[place]) { place = utf8.index(after: place) }
            let word = place
            while place < utf8.endIndex, !separators.contains(utf8[place]) { place = utf8.index(after: place) }
            if words.count == most - 1 { place = utf8.endIndex }
            words.append(Word(separator: String(key[start..<word]), text: String(key[word..<place])))
        }
        return words
    }

    /// Where the id at the end of a first word begins: the dash or underscore before it.
    private static func idAtEnd(of word: String) -> String.Index? {
        if word.utf8.count > 37 {
            let cut = word.index(word.endIndex, offsetBy: -37, limitedBy: word.startIndex) ?? word.startIndex
            if "-_".contains(word[cut]), WordForm(String(word[word.index(after: cut)...])) == .uuid { return cut }
        }
        guard let cut = word.lastIndex(where: { "-_".contains($0) }), cut > word.startIndex else { return nil }
        switch WordForm(String(word[word.index(after: cut)...])) {
        case .number, .hexadecimal, .mixed: return cut
        case .uuid, .numbered, .name: return nil
        }
    }
}

/// What a word looks like.
enum WordForm: String, Sendable {
    /// Digits, also with dashes and points: `42`, `2026-11-29`.
    case number
    /// `8d6cb42a-fec8-4b67-b481-db0d13f2af54`.
    case uuid
    /// At least eight hexadecimal digits, one of them a number.
    case hexadecimal
    /// Long and without meaning, like a ULID or a token; or an address of mail.
    case mixed
    /// A name with a number: `job-7`, `u12`.
    case numbered
    /// Anything else.
    case name

    /// Names that only look as if they were numbered.
    private static let names: Set = ["s3", "oauth2", "utf8", "sha256", "md5", "http2", "k8s", "web3", "p2p"]

    /// Recognises the form of a word.
    init(_ word: String) {
        let bytes = Array(word.utf8)
        let digits = bytes.count { Self.isDigit($0) }
        guard digits > 0 else {
            self = bytes.contains(UInt8(ascii: "@")) ? .mixed : .name
            return
        }
        if bytes.allSatisfy({ Self.isDigit($0) || "-.T".utf8.contains($0) }) {
            self = .number
        } else if Self.isUUID(bytes) {
            self = .uuid
        } else if bytes.count >= 8, bytes.allSatisfy({ Self.isHexadecimal($0) }) {
            self = .hexadecimal
        } else if bytes.contains(UInt8(ascii: "@")) || (bytes.count >= 16 && digits >= 3) {
            self = .mixed
        } else if !Self.names.contains(word), Self.isNumbered(bytes) {
            self = .numbered
        } else {
            self = .name
        }
    }

    /// Whether a word of this form is an id rather than a name.
    var isID: Bool { self != .name }

    private static func isUUID(_ bytes: [UInt8]) -> Bool {
        bytes.count == 36
            && bytes.enumerated().allSatisfy { place, byte in
                [8, 13, 18, 23].contains(place) ? byte == UInt8(ascii: "-") : isHexadecimal(byte)
            }
    }

    /// A name, then digits at the end; `v1` is the version of something.
    private static func isNumbered(_ bytes: [UInt8]) -> Bool {
        guard let last = bytes.last, isDigit(last) else { return false }
        let name = bytes.prefix { !isDigit($0) }
        return !(name.count == 1 && name.first.map { $0 | 0x20 } == UInt8(ascii: "v"))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}

/// The words that a name is made of, in small letters: `processingStartedAt` is processing, started, at.
enum NameWords {
    /// Splits a name at capitals, underscores, dashes, points and spaces.
    static func of(_ name: String) -> [String] {
        var words: [String] = []
        var word = ""
        var wasSmall = false
        for character in name.readable {
            let isEnd = "_-. :/".contains(character)
            if isEnd || (character.isUppercase && wasSmall) {
                if !word.isEmpty { words.append(word.lowercased()) }
                word = ""
            }
            if !isEnd { word.append(character) }
            wasSmall = character.isLowercase || character.isNumber
        }
        if !word.isEmpty { words.append(word.lowercased()) }
        return words
    }

    /// The singular of a name: `jobs` is of `job`, `entries` of `entry`.
    static func singular(_ word: String) -> String {
        if word.hasSuffix("ies"), word.count > 4 { return String(word.dropLast(3)) + "y" }
        if word.hasSuffix("sses") || word.hasSuffix("xes") || word.hasSuffix("ches") { return String(word.dropLast(2)) }
        if word.hasSuffix("s"), !word.hasSuffix("ss"), !word.hasSuffix("us"), word.count > 2 {
            return String(word.dropLast())
        }
        return word
    }

    /// The plural of a name: `batch` becomes `batches`.
    static func plural(_ word: String) -> String {
        if singular(word) != word { return word }
        if word.hasSuffix("y"), let before = word.dropLast().last, !"aeiou".contains(before) {
            return String(word.dropLast()) + "ies"
        }
        if ["s", "x", "ch", "sh"].contains(where: word.hasSuffix) { return word + "es" }
        return word + "s"
    }
}

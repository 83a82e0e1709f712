/// How hard a token is to guess, as far as it can be seen: whoever guesses begins with words, with what is next to each other
/// on a keyboard, and with the same over and over.
enum TokenStrength {
    /// The fewest characters.
    static let shortest = 16
    /// The fewest different ones.
    private static let variety = 7
    /// The fewest that are no part of a word or a sequence.
    private static let own = 4
    /// How a good one is made.
    static let advice = "“openssl rand -hex 32” writes a good one"

    /// What every list of passwords begins with.
    private static let first = [
        "password", "passw0rd", "p@ssword", "p@ssw0rd", "passwort", "passwd", "passphrase", "changeit", "changeme",
        "change-me", "change_me", "changethis", "replaceme", "letmein", "welcome", "iloveyou", "supersecret",
        "topsecret",
        "secret", "insecure", "default", "example", "placeholder", "trustno1", "abc123", "qwerty", "qwertz", "azerty",
        "monkey", "dragon", "sunshine", "princess", "football", "baseball", "foobar", "lorem", "ipsum",
    ]
    /// What is easily thought of in this place.
    private static let likely = [
        "administrator", "admin", "token", "viewer", "cron", "curfew", "redis", "worker", "cleanup", "production",
        "prod",
        "staging", "test", "demo", "local", "root", "user", "login", "access", "api", "key", "my", "the", "our", "this",
    ]
    /// What stands in rows on keyboards, and in alphabets.
    private static let rows = [
        "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm",
    ].flatMap { [Array($0.utf8), Array($0.utf8.reversed())] }

    /// Why a token is refused; nil where it isn't.
    static func weakness(of token: String) -> String? {
        let bytes = Array(token.lowercased().utf8)
        if bytes.count < shortest { return "expected at least \(shortest) characters, found \(bytes.count)" }
        if Set(bytes).count < variety {
            return "is made of \(Set(bytes).count) different characters, expected at least \(variety)"
        }
        if isRepeated(bytes) { return "says the same over and over" }
        if rest(of: bytes, without: first).count < own { return "is made of words and rows that are guessed first" }
        return nil
    }

    /// Whether a token that isn't refused is made of words that are easily thought of.
    static func isLikely(_ token: String) -> Bool {
        rest(of: Array(token.lowercased().utf8), without: first + likely).count { !isDigit($0) } < own
    }

    private static func isRepeated(_ bytes: [UInt8]) -> Bool {
        (1...bytes.count / 2).contains { length in
            zip(bytes, bytes.dropFirst(length)).allSatisfy { $0 == $1 }
        }
    }

    /// What is left of it without words, rows, repetitions and what stands between them.
    private static func rest(of bytes: [UInt8], without words: [String]) -> [UInt8] {
        let words = words.map { Array($0.utf8) }.sorted { $0.count > $1.count }
        var (rest, left) = (bytes[...], [UInt8]())
        while let byte = rest.first {
            if let word = words.first(where: { rest.starts(with: $0) }) {
                rest = rest.dropFirst(word.count)
            } else if let length = row(at: rest) {
                rest = rest.dropFirst(length)
            } else {
                rest = rest.dropFirst()
                if isDigit(byte) || (byte >= 0x61 && byte <= 0x7A) { left.append(byte) }
            }
        }
        return left
    }

    /// How many characters from here on stand in a row, or are the same; nil for fewer than four.
    private static func row(at bytes: ArraySlice<UInt8>) -> Int? {
        guard let byte = bytes.first else { return nil }
        var longest = bytes.prefix { $0 == byte }.count
        for row in rows {
            guard let place = row.firstIndex(of: byte) else { continue }
            longest = max(longest, zip(bytes, row[place...]).prefix { $0 == $1 }.count)
        }
        return longest >= 4 ? longest : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}

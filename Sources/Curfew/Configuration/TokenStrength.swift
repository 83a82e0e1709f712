/// An estimate of how hard a token is to guess.
///
/// Attackers try words, keyboard sequences and repetitions first.
enum TokenStrength {
    /// The minimum number of characters.
    static let shortest = 16
    /// The minimum number of different characters.
    private static let variety = 7
    /// The minimum number of characters outside of words and sequences.
    private static let own = 4
    /// How to create a good token.
    static let advice = "“openssl rand -hex 32” creates a good one"

    /// The beginnings of common password lists.
    private static let first = [
        "password", "passw0rd", "p@ssword", "p@ssw0rd", "passwort", "passwd", "passphrase", "changeit", "changeme",
        "change-me", "change_me", "changethis", "replaceme", "letmein", "welcome", "iloveyou", "supersecret",
        "topsecret",
        "secret", "insecure", "default", "example", "placeholder", "trustno1", "abc123", "qwerty", "qwertz", "azerty",
        "monkey", "dragon", "sunshine", "princess", "football", "baseball", "foobar", "lorem", "ipsum",
    ]
    /// Words that are likely here.
    private static let likely = [
        "administrator", "admin", "token", "viewer", "cron", "curfew", "redis", "worker", "cleanup", "production",
        "prod",
        "staging", "test", "demo", "local", "root", "user", "login", "access", "api", "key", "my", "the", "our", "this",
    ]
    /// Rows of keyboards, and alphabets.
    private static let rows = [
        "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm",
    ].flatMap { [Array($0.utf8), Array($0.utf8.reversed())] }

    /// Why a token is refused; nil if it is accepted.
    static func weakness(of token: String) -> String? {
        let bytes = Array(token.lowercased().utf8)
        if bytes.count < shortest { return "expected at least \(shortest) characters, found \(bytes.count)" }
        if Set(bytes).count < variety {
            return "has only \(Set(bytes).count) different characters, expected at least \(variety)"
        }
        if isRepeated(bytes) { return "repeats itself" }
        if rest(of: bytes, without: first).count < own { return "has only words and sequences that are guessed first" }
        return nil
    }

    /// Whether an accepted token consists of words that are easy to guess.
    static func isLikely(_ token: String) -> Bool {
        rest(of: Array(token.lowercased().utf8), without: first + likely).count { !isDigit($0) } < own
    }

    private static func isRepeated(_ bytes: [UInt8]) -> Bool {
        (1...bytes.count / 2).contains { length in
            zip(bytes, bytes.dropFirst(length)).allSatisfy { $0 == $1 }
        }
    }

    /// The rest of a token without words, sequences, repetitions and separators.
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

    /// How many characters from here on are a sequence or a repetition; nil for fewer than four.
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

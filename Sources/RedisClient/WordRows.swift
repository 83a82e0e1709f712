internal import Glibc

/// Rows of words for a command, all of one length: what a column holds once in all rows need not be sent with each.
///
/// The words are encoded as they come, like those of a ``RedisCommand``, and compared with those of the first row.
package struct WordRows: Sendable {
    private var words: RedisCommand
    /// Where the words of the first row are.
    private var first: [Range<Int>] = []
    /// Whether each column has been the same so far.
    private var isAlike: [Bool] = []
    /// The columns at the beginning that are sent with each row in any case.
    private let apart: Int
    private var column = 0
    /// How many rows there are.
    package private(set) var count = 0

    /// No rows yet, with space for that many bytes.
    package init(capacity: Int, apart: Int) {
        words = RedisCommand(capacity: capacity)
        self.apart = apart
    }

    /// About how many bytes they have.
    package var byteCount: Int { words.byteCount }

    /// The next words are those of another row.
    package mutating func beginRow() {
        count += 1
        column = 0
    }

    /// Adds a word to the row.
    package mutating func append(_ word: String) {
        let start = words.byteCount
        words.append(word)
        let range = start..<words.byteCount
        if count == 1 {
            first.append(range)
            isAlike.append(column >= apart)
        } else if isAlike[column] {
            isAlike[column] = words.haveSame(range, first[column])
        }
        column += 1
    }

    /// The columns that hold the same in all rows, from 0; none if there is but one row.
    package var alike: [Int] { count > 1 ? isAlike.indices.filter { isAlike[$0] } : [] }

    /// Appends what the columns that are alike hold, and then the rest of all rows.
    package func append(to command: inout RedisCommand) {
        let alike = alike
        guard !alike.isEmpty else { return command.append(wordsOf: words) }
        for column in alike { command.append(wordsOf: words, in: first[column], count: 1) }
        command.append(wordsOf: words, without: isAlike)
    }
}

extension RedisCommand {
    /// Whether two ranges of the encoded words hold the same.
    fileprivate func haveSame(_ one: Range<Int>, _ other: Range<Int>) -> Bool {
        guard one.count == other.count else { return false }
        return body.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            return memcmp(start + one.lowerBound, start + other.lowerBound, one.count) == 0
        }
    }
}

internal import RedisClient

/// Finds the word that a person probably meant.
package enum Spelling {
    /// The nearest of several words; nil if none is similar enough.
    ///
    /// Similar enough: up to a third of the word's length in inserted, deleted, changed or swapped letters.
    package static func nearest(to word: String, among words: some Sequence<String>) -> String? {
        let word = word.readable
        let limit = max(1, min(word.count, 64) / 3)
        return words.filter { abs($0.count - word.count) <= limit }
            .map { (word: $0, distance: distance(word.lowercased(), $0.lowercased())) }
            .filter { $0.distance <= limit }
            .min { $0.distance < $1.distance }?.word
    }

    /// The edit distance of two words (optimal string alignment).
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left)
        let right = Array(right)
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let change = last[column] + (left[row] == right[column] ? 0 : 1)
                var best = min(change, last[column + 1] + 1, current[column] + 1)
                let isSwap =
                    row > 0 && column > 0 && left[row] == right[column - 1] && left[row - 1] == right[column]
                if isSwap { best = min(best, beforeLast[column - 1] + 1) }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}

/// One field of a cron expression as a set of small numbers.
struct CronField: Sendable, Equatable {
    /// The kind of a field: its range and its names.
    enum Kind: String {
        case minute = "minute"
        case hour = "hour"
        case dayOfMonth = "day of month"
        case month = "month"
        case dayOfWeek = "day of week"

        /// The accepted numbers.
        var range: ClosedRange<Int> {
            switch self {
            case .minute: 0...59
            case .hour: 0...23
            case .dayOfMonth: 1...31
            case .month: 1...12
            case .dayOfWeek: 0...7
            }
        }

        /// The names in order, and the number of the first one.
        var names: (first: Int, words: [String]) {
            switch self {
            case .month: (1, ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
            case .dayOfWeek: (0, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])
            default: (0, [])
            }
        }
    }

    /// Bit n is set if n belongs to the field; Sunday is 0.
    private var bits: UInt64 = 0
    /// Whether the text begins with `*`, which decides how the two day fields combine and what a repeated hour means.
    let isStarred: Bool

    init(_ text: Substring, _ kind: Kind) throws(CronError) {
        isStarred = text.hasPrefix("*")
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            for number in try Self.numbers(of: part, in: text, kind) {
                bits |= 1 << UInt64(kind == .dayOfWeek && number == 7 ? 0 : number)
            }
        }
    }

    /// The smallest number of the field.
    var first: Int { bits.trailingZeroBitCount }

    func contains(_ number: Int) -> Bool {
        bits & (1 << UInt64(number)) != 0
    }

    private static func numbers(of part: Substring, in field: Substring, _ kind: Kind) throws(CronError) -> [Int] {
        let pieces = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let base = pieces.first, !base.isEmpty else { throw unreadable(field, kind) }
        var step = 1
        if pieces.count == 2 {
            guard let written = number(pieces[1]), written >= 1 else {
                throw CronError(message: "\(kind.rawValue) “\(field)”: a step is a whole number from 1")
            }
            step = written
        }
        let range = try range(of: base, in: field, kind, isStepped: pieces.count == 2)
        return Array(stride(from: range.lowerBound, through: range.upperBound, by: step))
    }

    private static func range(
        of base: Substring, in field: Substring, _ kind: Kind, isStepped: Bool
    ) throws(CronError) -> ClosedRange<Int> {
        if base == "*" { return kind == .dayOfWeek ? 0...6 : kind.range }
        let ends = base.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let low = try value(ends[0], in: field, kind)
        if ends.count == 1 {
            guard !isStepped else {
                throw CronError(message: "\(kind.rawValue) “\(field)”: a step needs a range, like 0-30/10 or */10")
            }
            return low...low
        }
        let high = try value(ends[1], in: field, kind)
        guard low <= high else {
            throw CronError(message: "\(kind.rawValue) “\(field)”: the range runs backwards")
        }
        return low...high
    }

    private static func value(_ text: Substring, in field: Substring, _ kind: Kind) throws(CronError) -> Int {
        let names = kind.names
        if let index = names.words.firstIndex(of: text.lowercased()) { return names.first + index }
        guard let value = number(text) else { throw unreadable(field, kind) }
        guard kind.range.contains(value) else {
            let range = "\(kind.range.lowerBound) to \(kind.range.upperBound)"
            throw CronError(message: "\(kind.rawValue) “\(field)”: \(value) is out of range (\(range))")
        }
        return value
    }

    /// A number of digits only: no sign, and no more digits than needed.
    private static func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    private static func unreadable(_ field: Substring, _ kind: Kind) -> CronError {
        let names = kind.names.words
        let extra = names.isEmpty ? "" : ", or a name like \(names[1].uppercased())"
        return CronError(
            message:
                "\(kind.rawValue) “\(field)” is unreadable, expected *, a number, a range, a step or a list\(extra)")
    }
}

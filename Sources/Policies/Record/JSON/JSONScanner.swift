/// Reads JSON from left to right, strictly as RFC 8259 has it, and says where things are rather than what they are.
///
/// Nothing is built and nothing is changed: a record is looked into and spliced, so that all of it that isn't written
/// stays as the app wrote it, byte for byte. What no reader is sure to understand is refused: a second value after the
/// first, halves of surrogate pairs, more than ``mostDepth`` levels.
struct JSONScanner {
    /// The most objects and lists inside one another.
    static let mostDepth = 64

    /// What a value is.
    enum Kind: Sendable, Equatable {
        case object, list, text, number, flag, null

        /// The kind with its article, for messages.
        var noun: String {
            switch self {
            case .object: "an object"
            case .list: "a list"
            case .text: "a text"
            case .number: "a number"
            case .flag: "true or false"
            case .null: "null"
            }
        }
    }

    /// A value, and where it is.
    struct Value: Sendable, Equatable {
        var kind: Kind
        var range: Range<Int>
    }

    let bytes: [UInt8]
    /// How far it has read.
    private(set) var place: Int

    init(_ bytes: [UInt8], from place: Int = 0) {
        self.bytes = bytes
        self.place = place
    }

    /// The one value that the whole text must be.
    mutating func document(
        _ visit: (Range<Int>, Value) throws(RecordError) -> Void
    ) throws(RecordError) -> Value {
        skipSpace()
        let start = place
        let value: Value
        if next == UInt8(ascii: "{") {
            try members(depth: 1, visit)
            value = Value(kind: .object, range: start..<place)
        } else {
            value = try self.value(depth: 0)
        }
        skipSpace()
        guard place == bytes.count else { throw wrong("expected the end") }
        return value
    }

    /// The value that begins here, inside of so many objects and lists.
    mutating func value(depth: Int) throws(RecordError) -> Value {
        let start = place
        let kind: Kind
        switch next {
        case UInt8(ascii: "{"):
            kind = .object
            try members(depth: depth + 1) { _, _ in }
        case UInt8(ascii: "["):
            kind = .list
            try elements(depth: depth + 1) { _ in }
        case UInt8(ascii: "\""):
            kind = .text
            try quoted()
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte):
            kind = .number
            try number()
        case UInt8(ascii: "t"):
            kind = .flag
            try word("true")
        case UInt8(ascii: "f"):
            kind = .flag
            try word("false")
        case UInt8(ascii: "n"):
            kind = .null
            try word("null")
        default: throw wrong("expected a value")
        }
        return Value(kind: kind, range: start..<place)
    }

    /// The members of the object that begins here: where the name is, quotes included, and the value.
    mutating func members(
        depth: Int, _ visit: (Range<Int>, Value) throws(RecordError) -> Void
    ) throws(RecordError) {
        try enter(depth)
        guard !take("}") else { return }
        repeat {
            skipSpace()
            let start = place
            guard next == UInt8(ascii: "\"") else { throw wrong("expected a name in quotes") }
            try quoted()
            let name = start..<place
            skipSpace()
            guard take(":") else { throw wrong("expected “:” after the name") }
            skipSpace()
            try visit(name, try value(depth: depth))
            skipSpace()
        } while take(",")
        guard take("}") else { throw wrong("expected “,” or “}”") }
    }

    /// The elements of the list that begins here.
    mutating func elements(depth: Int, _ visit: (Value) throws(RecordError) -> Void) throws(RecordError) {
        try enter(depth)
        guard !take("]") else { return }
        repeat {
            skipSpace()
            try visit(try value(depth: depth))
            skipSpace()
        } while take(",")
        guard take("]") else { throw wrong("expected “,” or “]”") }
    }

    /// Whether a text is a number as JSON writes it.
    static func isNumber(_ text: String) -> Bool {
        var scanner = JSONScanner(Array(text.utf8))
        do {
            try scanner.number()
        } catch {
            return false
        }
        return scanner.place == scanner.bytes.count
    }
}

extension JSONScanner {
    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private mutating func enter(_ depth: Int) throws(RecordError) {
        guard depth <= Self.mostDepth else { throw wrong("expected at most \(Self.mostDepth) levels") }
        place += 1
        skipSpace()
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func word(_ word: StaticString) throws(RecordError) {
        let start = place
        for offset in 0..<word.utf8CodeUnitCount {
            guard next == word.utf8Start[offset] else {
                place = start
                throw wrong("expected a value")
            }
            place += 1
        }
    }

    private mutating func number() throws(RecordError) {
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
    }

    private mutating func digits() throws(RecordError) {
        let start = place
        while let byte = next, Self.isDigit(byte) { place += 1 }
        guard place > start else { throw wrong("expected a digit") }
    }

    private mutating func quoted() throws(RecordError) {
        place += 1
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                return
            case UInt8(ascii: "\\"): _ = try escaped(isStrict: false)
            case 0..<0x20: throw wrong("expected control characters to be escaped")
            default: place += 1
            }
        }
        throw wrong("expected a closing quote")
    }

    /// The text in quotes that begins here, which was read before.
    ///
    /// - Parameter isStrict: whether half of a surrogate pair is an error, and not U+FFFD. JSON may have one, where a
    ///   program has cut a text in two; but no text has.
    mutating func text(isStrict: Bool = true) throws(RecordError) -> String {
        let start = place
        try quoted()
        let inside = start + 1..<place - 1
        guard bytes[inside].contains(UInt8(ascii: "\\")) else { return HeldBytes.text(bytes[inside]) }
        place = inside.lowerBound
        var text: [UInt8] = []
        while place < inside.upperBound {
            if bytes[place] == UInt8(ascii: "\\") {
                text += Array(String(Character(try escaped(isStrict: isStrict))).utf8)
            } else {
                text.append(bytes[place])
                place += 1
            }
        }
        place = inside.upperBound + 1
        return HeldBytes.text(text)
    }

    /// One character behind a backslash; two escapes where it takes a pair of surrogates.
    private mutating func escaped(isStrict: Bool) throws(RecordError) -> Unicode.Scalar {
        let start = place
        place += 1
        guard let byte = next else { throw wrong("expected a closing quote") }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try hexadecimal()
            if let scalar = Unicode.Scalar(unit) { return scalar }
            let first = place
            if unit < 0xDC00, take("\\"), take("u") {
                let low = try hexadecimal()
                if (0xDC00...0xDFFF).contains(low),
                    let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
                {
                    return scalar
                }
            }
            if !isStrict {
                place = first
                return "\u{FFFD}"
            }
            place = start
            throw wrong("expected both halves of a surrogate pair")
        default:
            place = start
            throw wrong("expected an escape that JSON knows")
        }
    }

    private mutating func hexadecimal() throws(RecordError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw wrong("expected four hexadecimal digits")
            }
            unit = unit << 4 + UInt32(digit)
            place += 1
        }
        return unit
    }

    /// What is wrong at this place.
    private func wrong(_ expectation: String) -> RecordError {
        RecordError("no valid JSON at byte \(place): \(expectation)")
    }
}

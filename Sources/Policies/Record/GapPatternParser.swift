/// Reads a pattern of a gap.
struct GapPatternParser {
    /// A part of a pattern.
    indirect enum Node {
        case set(ByteSet)
        case sequence([Node])
        case either([Node])
        /// So many times at least and, unless nil, at most.
        case times(Node, Int, Int?)
    }

    /// How deep groups may lie in each other.
    private static let deepest = 50

    private let bytes: [UInt8]
    private var place = 0
    private var depth = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The whole of it: `^` and `$` around it are what it means anyway.
    mutating func pattern() throws(TemplateError) -> Node {
        _ = takes("^")
        let node = try either()
        _ = takes("$")
        guard place == bytes.count else { throw problem("“\(Character(Unicode.Scalar(bytes[place])))” stands alone") }
        return node
    }

    private mutating func either() throws(TemplateError) -> Node {
        var nodes = [try sequence()]
        while takes("|") { nodes.append(try sequence()) }
        return nodes.count == 1 ? nodes[0] : .either(nodes)
    }

    private mutating func sequence() throws(TemplateError) -> Node {
        var nodes: [Node] = []
        while let byte = peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            if byte == UInt8(ascii: "$"), place == bytes.count - 1 { break }
            nodes.append(try repeated(try atom()))
        }
        return .sequence(nodes)
    }

    private mutating func repeated(_ node: Node) throws(TemplateError) -> Node {
        if takes("*") { return .times(node, 0, nil) }
        if takes("+") { return .times(node, 1, nil) }
        if takes("?") { return .times(node, 0, 1) }
        guard takes("{") else { return node }
        guard let least = number() else { throw problem("expected a number after “{”") }
        var most: Int? = least
        if takes(",") { most = number() }
        guard takes("}") else { throw problem("expected “}”") }
        guard most.map({ $0 >= least }) ?? true else { throw problem("more at least than at most") }
        return .times(node, least, most)
    }

    private mutating func atom() throws(TemplateError) -> Node {
        guard let byte = next() else { throw problem("ends too early") }
        switch Unicode.Scalar(byte) {
        case "(":
            depth += 1
            guard depth <= Self.deepest else { throw problem("more than \(Self.deepest) groups in each other") }
            if takes("?"), !takes(":") { throw problem("“(?” is not known, but for “(?:”") }
            let node = try either()
            guard takes(")") else { throw problem("“(” is never closed") }
            depth -= 1
            return node
        case "[": return .set(try set())
        case ".": return .set(ByteSet(0...255))
        case "\\": return .set(try escaped())
        case "*", "+", "?", "{":
            throw problem("nothing before “\(Character(Unicode.Scalar(byte)))” to repeat", at: place)
        default:
            // The bytes of one character are repeated together.
            var nodes = [Node.set(ByteSet([byte]))]
            if byte >= 0xC0 {
                while let byte = peek, (0x80..<0xC0).contains(byte) {
                    nodes.append(.set(ByteSet([byte])))
                    place += 1
                }
            }
            return nodes.count == 1 ? nodes[0] : .sequence(nodes)
        }
    }

    private mutating func escaped() throws(TemplateError) -> ByteSet {
        guard let byte = next() else { throw problem("“\\” at the end") }
        let digits = Array("0123456789".utf8)
        let word = digits + Array("_".utf8) + (65...90) + (97...122)
        return switch Unicode.Scalar(byte) {
        case "d": ByteSet(digits)
        case "D": ByteSet(digits).opposite
        case "w": ByteSet(word)
        case "W": ByteSet(word).opposite
        case "s": ByteSet([9, 10, 11, 12, 13, 32])
        case "S": ByteSet([9, 10, 11, 12, 13, 32]).opposite
        case let other where word.contains(UInt8(ascii: other)):
            throw problem("“\\\(Character(other))” is not known", at: place)
        default: ByteSet([byte])
        }
    }

    /// `[a-z_]`, its opening bracket read.
    private mutating func set() throws(TemplateError) -> ByteSet {
        let isOpposite = takes("^")
        var set = ByteSet([])
        var isFirst = true
        while let byte = next() {
            if byte == UInt8(ascii: "]"), !isFirst { return isOpposite ? set.opposite : set }
            isFirst = false
            guard byte < 128 else { throw problem("only ASCII may stand in “[…]”", at: place) }
            if byte == UInt8(ascii: "\\") {
                set.formUnion(try escaped())
            } else if peek == UInt8(ascii: "-"), place + 1 < bytes.count, bytes[place + 1] != UInt8(ascii: "]") {
                let last = bytes[place + 1]
                guard last >= byte, last < 128 else { throw problem("the range runs backwards") }
                set.formUnion(ByteSet(byte...last))
                place += 2
            } else {
                set.formUnion(ByteSet([byte]))
            }
        }
        throw problem("“[” is never closed")
    }

    private var peek: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func next() -> UInt8? {
        guard let byte = peek else { return nil }
        place += 1
        return byte
    }

    private mutating func takes(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func number() -> Int? {
        var digits: [UInt8] = []
        while let byte = peek, (48...57).contains(byte), digits.count < 4 {
            digits.append(byte)
            place += 1
        }
        return digits.isEmpty ? nil : digits.reduce(0) { $0 * 10 + Int($1) - 48 }
    }

    private func problem(_ message: String, at column: Int? = nil) -> TemplateError {
        TemplateError(message, column: column ?? min(place + 1, max(1, bytes.count)))
    }
}

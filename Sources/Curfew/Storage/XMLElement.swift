/// An element of an XML document, the format of S3 answers.
///
/// The reader is strict: a document that isn't well formed, such as a truncated answer, is refused as a whole. It
/// supports what S3 servers write (declaration, comments, attributes, character references) and refuses everything
/// else: a document type, which could define exponentially growing entities, and other processing instructions.
struct XMLElement: Equatable, Sendable {
    /// The name, without its prefix.
    var name: String
    /// The text directly inside.
    var text = ""
    /// The elements inside, in order.
    var children: [XMLElement] = []

    /// The deepest nesting of elements.
    static let mostDepth = 16

    /// Parses a document.
    ///
    /// Throws the problem and its byte position.
    init(document bytes: some Collection<UInt8>) throws(XMLError) {
        let bytes = Array(bytes)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw XMLError("it is not UTF-8", at: 0) }
        var reader = XMLReader(bytes: text.hasPrefix("\u{FEFF}") ? Array(bytes.dropFirst(3)) : bytes)
        self = try reader.document()
    }

    init(name: String) {
        self.name = name
    }

    /// The first element of that name inside.
    subscript(_ name: String) -> XMLElement? { children.first { $0.name == name } }
}

/// A problem in a document.
struct XMLError: Error, CustomStringConvertible {
    let description: String

    init(_ what: String, at place: Int) {
        description = "\(what) (at byte \(place))"
    }
}

/// Parses a document from its first byte to its last.
private struct XMLReader {
    let bytes: [UInt8]
    private var place = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(XMLError) -> XMLElement {
        // Some servers send spaces before the document, to keep a slow connection open.
        skipSpace()
        if take("<?xml") { try skip(past: "?>", "the declaration") }
        try skipBetween()
        guard take("<") else { throw error("expected an element") }
        let root = try element(depth: 1)
        try skipBetween()
        guard place == bytes.count else { throw error("there is more after the document") }
        return root
    }

    /// An element whose `<` has been read.
    private mutating func element(depth: Int) throws(XMLError) -> XMLElement {
        guard depth <= XMLElement.mostDepth else { throw error("elements lie deeper than \(XMLElement.mostDepth)") }
        let tag = try name()
        var element = XMLElement(name: tag.split(separator: ":").last.map(String.init) ?? tag)
        while true {
            skipSpace()
            if take("/>") { return element }
            if take(">") { break }
            try attribute()
        }
        var text: [UInt8] = []
        while true {
            guard place < bytes.count else { throw error("<\(tag)> is not closed") }
            if take("</") {
                guard try name() == tag else { throw error("expected </\(tag)>") }
                skipSpace()
                guard take(">") else { throw error("expected >") }
                element.text = String(decoding: text, as: UTF8.self)
                return element
            } else if take("<!--") {
                try skip(past: "-->", "the comment")
            } else if take("<![CDATA[") {
                let start = place
                try skip(past: "]]>", "the character data")
                text += bytes[start..<(place - 3)]
            } else if take("<") {
                element.children.append(try self.element(depth: depth + 1))
            } else {
                try character(into: &text)
            }
        }
    }

    private mutating func attribute() throws(XMLError) {
        _ = try name()
        skipSpace()
        guard take("=") else { throw error("expected =") }
        skipSpace()
        guard take("\"") || take("'") else { throw error("expected a quoted value") }
        let quote = bytes[place - 1]
        while place < bytes.count, bytes[place] != quote {
            guard bytes[place] != UInt8(ascii: "<") else { throw error("expected the end of the value") }
            place += 1
        }
        guard place < bytes.count else { throw error("a value is not closed") }
        place += 1
    }

    /// One character of text, or a reference to one.
    private mutating func character(into text: inout [UInt8]) throws(XMLError) {
        let byte = bytes[place]
        guard byte == UInt8(ascii: "&") else {
            guard byte >= 0x20 || [0x09, 0x0A, 0x0D].contains(byte) else { throw error("a control character") }
            place += 1
            // A line break is one character, however it is written.
            guard byte == 0x0D else { return text.append(byte) }
            if place < bytes.count, bytes[place] == 0x0A { return }
            return text.append(0x0A)
        }
        guard let end = bytes[place...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else {
            throw error("a reference is not closed")
        }
        let reference = String(decoding: bytes[(place + 1)..<end], as: UTF8.self)
        guard let scalar = Self.scalar(reference) else { throw error("&\(reference); is unknown") }
        text += Array(String(Character(scalar)).utf8)
        place = end + 1
    }

    private static func scalar(_ reference: String) -> Unicode.Scalar? {
        switch reference {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        guard reference.hasPrefix("#") else { return nil }
        let digits = reference.dropFirst()
        let number = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        guard let number, number >= 0x20 || [0x09, 0x0A, 0x0D].contains(number) else { return nil }
        return Unicode.Scalar(number)
    }

    private mutating func name() throws(XMLError) -> String {
        let start = place
        while place < bytes.count, Self.isNamePart(bytes[place]) { place += 1 }
        guard place > start else { throw error("expected a name") }
        return String(decoding: bytes[start..<place], as: UTF8.self)
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: ":"), 0x80...:
            true
        default: false
        }
    }

    /// What may precede and follow the document.
    private mutating func skipBetween() throws(XMLError) {
        skipSpace()
        while take("<!--") {
            try skip(past: "-->", "the comment")
            skipSpace()
        }
    }

    private mutating func skipSpace() {
        while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
    }

    private mutating func skip(past end: StaticString, _ what: String) throws(XMLError) {
        while place < bytes.count {
            if take(end) { return }
            place += 1
        }
        throw error("\(what) is not closed")
    }

    /// Consumes these bytes if they come next.
    private mutating func take(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - place >= count else { return false }
        for offset in 0..<count where bytes[place + offset] != text.utf8Start[offset] { return false }
        place += count
        return true
    }

    private func error(_ what: String) -> XMLError { XMLError(what, at: place) }
}

internal import Policies
internal import RedisClient

/// JSON written directly as text, for the ``BeforeImage`` of every change: a general encoder would cost more than the
/// change itself.
///
/// The text is held as ``ByteText``. A byte that isn't UTF-8 is written as an escape, so that Redis gets valid JSON and
/// an undo restores the exact bytes.
enum JSONText {
    /// An object of strings; nil becomes `null`.
    static func object(_ members: [FieldWrite]) -> String {
        var object = Object(members, capacity: size(of: members))
        return object.end()
    }

    /// An object of counts, sorted by name.
    static func object(_ counts: [String: Int]) -> String {
        var bytes = [UInt8(ascii: "{")]
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            append(name, to: &bytes)
            bytes += ":\(count)".utf8
        }
        bytes.append(UInt8(ascii: "}"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// An object that is written one member at a time.
    struct Object {
        private var bytes: [UInt8] = []

        /// Starts with strings; nil becomes `null`.
        init(_ members: [FieldWrite], capacity: Int) {
            bytes.reserveCapacity(capacity)
            JSONText.append(members, to: &bytes)
            bytes.removeLast()
        }

        /// Continues an existing object; nil if the text isn't an object.
        init?(text: String) {
            guard text.hasSuffix("}") else { return nil }
            bytes = Array(text.utf8.dropLast())
        }

        /// Ends the object and returns it.
        mutating func end() -> String {
            bytes.append(UInt8(ascii: "}"))
            return String(decoding: bytes, as: UTF8.self)
        }

        /// Adds an object of strings.
        mutating func add(_ name: String, _ members: [FieldWrite]) {
            begin(name)
            JSONText.append(members, to: &bytes)
        }

        /// Adds a list of strings.
        mutating func add(_ name: String, texts: [String]) {
            begin(name)
            bytes.append(UInt8(ascii: "["))
            for (number, text) in texts.enumerated() {
                if number > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONText.append(text, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        }

        /// Adds a list of objects of strings.
        mutating func add(_ name: String, objects: [[FieldWrite]]) {
            begin(name)
            bytes.append(UInt8(ascii: "["))
            for (number, object) in objects.enumerated() {
                if number > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONText.append(object, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        }

        /// Adds a string.
        mutating func add(_ name: String, text: String) {
            begin(name)
            JSONText.append(text, to: &bytes)
        }

        private mutating func begin(_ name: String) {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            JSONText.append(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
        }
    }

    /// A quoted string for Lua, which accepts any bytes unescaped.
    static func string(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 2)
        append(text, to: &bytes, isForLua: true)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Adds a quoted text as ``string(_:)`` has it.
    static func appendForLua(_ text: String, to bytes: inout [UInt8]) { append(text, to: &bytes, isForLua: true) }

    /// The approximate number of bytes of an object of strings.
    static func size(of members: [FieldWrite]) -> Int {
        members.reduce(2) { $0 + $1.field.utf8.count + ($1.value?.utf8.count ?? 4) + 6 }
    }

    fileprivate static func append(_ members: [FieldWrite], to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        for number in members.indices {
            if number > 0 { bytes.append(UInt8(ascii: ",")) }
            append(members[number].field, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            if let value = members[number].value {
                append(value, to: &bytes)
            } else {
                bytes.append(contentsOf: "null".utf8)
            }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// A quoted string, escaped as RFC 8259 §7 requires.
    fileprivate static func append(_ text: String, to bytes: inout [UInt8], isForLua: Bool = false) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            // Almost all text needs no escape.
            if isPlain(utf8) {
                bytes.append(contentsOf: utf8)
            } else if !isForLua, ByteText.mayHold(utf8) {
                appendForeign(ByteText.bytes(ofHeld: utf8), to: &bytes)
            } else {
                for byte in utf8 { appendEscaped(byte, to: &bytes) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// A one in each of eight bytes.
    private static let ones: UInt64 = 0x0101_0101_0101_0101

    /// Whether no byte needs an escape.
    ///
    /// Checks eight bytes at a time; if the length is no multiple of eight, the last eight overlap.
    private static func isPlain(_ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
        let bytes = UnsafeRawBufferPointer(utf8)
        guard bytes.count >= 8 else { return !bytes.contains { hasSpecial(ones &* UInt64($0)) } }
        var place = 0
        while place < bytes.count - 8 {
            if hasSpecial(bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)) { return false }
            place += 8
        }
        return !hasSpecial(bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
    }

    /// Whether one of eight bytes is a control character, a quote, a backslash or non-ASCII.
    ///
    /// Subtracting a constant from each byte sets the highest bit of the first smaller byte, and of no byte before it.
    private static func hasSpecial(_ word: UInt64) -> Bool {
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let smaller = ((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
        return (smaller | word) & (ones &* 0x80) != 0
    }

    /// Outside bytes: characters stay held, invalid bytes become escapes.
    private static func appendForeign(_ foreign: [UInt8], to bytes: inout [UInt8]) {
        var place = 0
        while place < foreign.count {
            let length = ByteText.validLength(foreign, at: place)
            switch length {
            case 0: bytes += ByteText.escape(of: foreign[place])
            case 1: appendEscaped(foreign[place], to: &bytes)
            default: bytes += Array(ByteText.held(foreign[place..<place + length]).utf8)
            }
            place += max(1, length)
        }
    }

    private static func appendEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes += [UInt8(ascii: "\\"), byte]
        case 0x0A: bytes += Array("\\n".utf8)
        case 0x0D: bytes += Array("\\r".utf8)
        case 0x09: bytes += Array("\\t".utf8)
        case 0..<0x20:
            bytes += Array("\\u00".utf8) + [hexDigit(byte >> 4), hexDigit(byte & 0xF)]
        default: bytes.append(byte)
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

internal import Policies
internal import RedisClient

/// JSON written straight into text: for the before-image of every single change, where a general encoder would cost
/// more than the change itself.
///
/// The text is held as ``ByteText`` says. A byte that is no UTF-8 is written as an escape, so that what Redis gets is valid
/// JSON and an undo restores exactly what was there.
enum JSONText {
    /// The member of a before-image that says what was written, so that an undo can tell whether it still is so.
    static let after = "curfew:after"
    /// The member that lists the keys which went along with a removed record.
    static let also = "curfew:also"
    /// The member that says as JSON what the fields of a JSON record held, where texts don't: `null`, for one.
    static let originals = "curfew:json"
    /// The member that names the run whose trash holds what was removed, where another one has finished the change.
    static let run = "curfew:run"
    /// The member that says how many bytes the values of the before-image had, where they were too many to be kept.
    static let cut = "curfew:cut"
    /// The most bytes of the values of a before-image: events are read by the hundreds, and whoever owns a record decides how
    /// large its fields are.
    static let mostImage = 64 << 10
    /// What is shown of a value of an image that was cut.
    private static let shownOfCut = 256

    /// An object of strings; nil becomes `null`.
    ///
    /// What was written comes last, as an object of its own, where there is any, and after it the values that only JSON
    /// can say, and the keys that went along. Where they have more than ``mostImage`` bytes together, each value is cut.
    static func object(
        _ members: [FieldWrite], after: [FieldWrite] = [], originals: [FieldWrite] = [], also: [String] = []
    ) -> String {
        let size = size(of: members) + (after.isEmpty ? 0 : size(of: after) + Self.after.utf8.count + 4)
        let all = size + (originals.isEmpty ? 0 : self.size(of: originals))
        if all > mostImage, let count = bytes(of: members + after + originals, atLeast: mostImage) {
            let note = FieldWrite(field: cut, value: String(count))
            return object(members.map(shown) + [note], after: after.map(shown), also: also)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        append(members, to: &bytes)
        for (name, writes) in [(Self.after, after), (Self.originals, originals)] where !writes.isEmpty {
            bytes.removeLast()
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            append(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            append(writes, to: &bytes)
            bytes.append(UInt8(ascii: "}"))
        }
        if !also.isEmpty {
            bytes.removeLast()
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            append(Self.also, to: &bytes)
            bytes.append(contentsOf: ":[".utf8)
            for (number, key) in also.enumerated() {
                if number > 0 { bytes.append(UInt8(ascii: ",")) }
                append(key, to: &bytes)
            }
            bytes.append(contentsOf: "]}".utf8)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A quoted string for Lua, which takes any bytes in one: all of them as they are.
    static func string(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 2)
        append(text, to: &bytes, isForLua: true)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A before-image of one run for an event of another, which finishes what that one has begun.
    static func object(_ image: String, of run: String, for other: String) -> String {
        guard run != other, image.hasSuffix("}") else { return image }
        var bytes = Array(image.utf8.dropLast())
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        append(Self.run, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        append(run, to: &bytes)
        bytes.append(UInt8(ascii: "}"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// How many bytes the values have, from so many on.
    private static func bytes(of members: [FieldWrite], atLeast limit: Int) -> Int? {
        let count = members.reduce(0) { $0 + ($1.value.map(ByteText.count) ?? 0) }
        return count >= limit ? count : nil
    }

    private static func shown(_ write: FieldWrite) -> FieldWrite {
        FieldWrite(field: write.field, value: write.value?.shortened(to: shownOfCut))
    }

    private static func size(of members: [FieldWrite]) -> Int {
        members.reduce(2) { $0 + $1.field.utf8.count + ($1.value?.utf8.count ?? 4) + 6 }
    }

    private static func append(_ members: [FieldWrite], to bytes: inout [UInt8]) {
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

    /// A quoted string, escaped as RFC 8259 §7 demands.
    private static func append(_ text: String, to bytes: inout [UInt8], isForLua: Bool = false) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            // Almost all text goes as it is.
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

    /// One in each of eight bytes.
    private static let ones: UInt64 = 0x0101_0101_0101_0101

    /// Whether each byte stands for itself: eight at a time, and the last eight once more where they are no multiple.
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

    /// Whether one of eight bytes is a control character, a quote or a backslash, or no ASCII.
    ///
    /// Subtracting the same from each sets the highest bit of a byte that was smaller and of none before the first such.
    private static func hasSpecial(_ word: UInt64) -> Bool {
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let smaller = ((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
        return (smaller | word) & (ones &* 0x80) != 0
    }

    /// Bytes from outside: characters stay held, and what is none becomes an escape.
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

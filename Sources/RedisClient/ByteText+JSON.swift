extension ByteText {
    /// Converts JSON with held text, as an encoder writes it, to JSON that ``heldJSON(_:)`` reads back without loss.
    ///
    /// Valid UTF-8 is written as it is. Any other byte is written as the escape of its scalar, `\udbff\udfe9`, so that
    /// the JSON is valid.
    package static func json(_ utf8: some Sequence<UInt8>) -> [UInt8] {
        let utf8 = Array(utf8)
        guard utf8.withUnsafeBufferPointer({ mayHold($0) }) else { return utf8 }
        let bytes = utf8.withUnsafeBufferPointer { self.bytes(ofHeld: $0) }
        var json: [UInt8] = []
        json.reserveCapacity(bytes.count + 12)
        var place = 0
        while place < bytes.count {
            let length = validLength(bytes, at: place)
            if length > 0 {
                json += bytes[place..<place + length]
            } else {
                json += escape(of: bytes[place])
            }
            place += max(1, length)
        }
        return json
    }

    /// The escape of the scalar for a byte.
    package static func escape(of byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return Array("\\udbff\\udf".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// Converts JSON from outside to JSON with held text, for a decoder.
    ///
    /// Escapes become the bytes of their characters (`\u00e9` is é, two bytes), except for those written by
    /// ``json(_:)``.
    package static func heldJSON(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        let bytes = Array(bytes)
        let isPlain = !bytes.contains { $0 > 127 || $0 == UInt8(ascii: "\\") }
        guard !isPlain else { return bytes }
        var json: [UInt8] = []
        json.reserveCapacity(bytes.count)
        var place = 0
        while place < bytes.count {
            guard bytes[place] == UInt8(ascii: "\\") else {
                append(bytes[place], to: &json)
                place += 1
                continue
            }
            guard let (scalar, length) = escapedScalar(bytes, at: place), scalar.value > 127 else {
                // Includes invalid escapes, which the decoder reports.
                json += bytes[place..<min(place + 2, bytes.count)]
                place += 2
                continue
            }
            if (0x10FF80...0x10FFFF).contains(scalar.value) {
                json += Array(String(Character(scalar)).utf8)
            } else {
                for byte in String(Character(scalar)).utf8 { append(byte, to: &json) }
            }
            place += length
        }
        return json
    }

    private static func append(_ byte: UInt8, to json: inout [UInt8]) {
        if byte > 127 {
            json += [0xF4, 0x8F, 0xBE | (byte >> 6 & 1), 0x80 | (byte & 0x3F)]
        } else {
            json.append(byte)
        }
    }

    /// The scalar of one or two `\uXXXX` escapes and the number of bytes they take; nil for any other escape.
    private static func escapedScalar(_ bytes: [UInt8], at place: Int) -> (scalar: Unicode.Scalar, length: Int)? {
        guard let unit = escapedUnit(bytes, at: place) else { return nil }
        if let scalar = Unicode.Scalar(unit) { return (scalar, 6) }
        guard unit < 0xDC00, let low = escapedUnit(bytes, at: place + 6), (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        else { return nil }
        return (scalar, 12)
    }

    private static func escapedUnit(_ bytes: [UInt8], at place: Int) -> UInt32? {
        guard place + 6 <= bytes.count, bytes[place] == UInt8(ascii: "\\"), bytes[place + 1] == UInt8(ascii: "u") else {
            return nil
        }
        return bytes[place + 2..<place + 6].reduce(UInt32?(0)) { unit, byte in
            guard let unit, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            return unit << 4 + UInt32(digit)
        }
    }

    /// The number of bytes of the character that begins there; 0 if none does.
    package static func validLength(_ bytes: [UInt8], at place: Int) -> Int {
        let length =
            switch bytes[place] {
            case 0..<0x80: 1
            case 0xC2...0xDF: 2
            case 0xE0...0xEF: 3
            case 0xF0...0xF4: 4
            default: 0
            }
        guard length > 1, place + length <= bytes.count else { return length == 1 ? 1 : 0 }
        return String(validating: bytes[place..<place + length], as: UTF8.self) == nil ? 0 : length
    }
}

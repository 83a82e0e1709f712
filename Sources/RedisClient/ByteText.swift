internal import Glibc

/// Bytes as text, without loss: the form of everything that comes from outside.
///
/// Swift treats canonically equivalent texts as equal, such as é as one scalar and é as two; to Redis they are two ids.
/// And text from outside may contain bytes that aren't UTF-8. So the text of a reply, a configuration, a command line
/// or a request is *held* in a `String` in which ASCII is unchanged and **every byte from 0x80 is one private-use
/// scalar, U+10FF00 + byte** (U+10FF80 … U+10FFFF). These scalars have no decompositions and don't combine: `==`,
/// `Set`, `Dictionary`, `hasPrefix`, `split` and sorting compare bytes everywhere without further code, and no byte is
/// lost. A genuine U+10FFE9 from outside is four bytes and becomes four scalars, so the form is unambiguous.
///
///     outside             held                                     outside again
///     "é"  C3 A9          U+10FFC3 U+10FFA9                        to Redis, S3: the bytes, C3 A9
///     "\xE9"  E9          U+10FFE9                                 to people: U+FFFD (not UTF-8); to JSON
///                                                                  that is read back: \udbff\udfe9
///
/// - **In**, when text is read: ``held(_:)-(UnsafeBufferPointer<UInt8>)``, `RedisValue.string`. For text of an API that
///   only gives valid text (the YAML library, the environment): `text.held`. For JSON: ``heldJSON(_:)``.
/// - **Out**, as the last step before the bytes leave: `RedisCommand.append` does it by itself; ``bytes(of:)`` for
///   other programs; `text.readable` and ``readable(_:)`` for people; ``json(_:)`` for JSON that is read back.
///
/// Curfew's own words may stand in between: only the private-use scalars are converted back; “ ” … – are unchanged.
/// Text that is cut, measured or examined as characters (terminal columns, HTML escapes) is made readable first.
package enum ByteText {
    /// The first byte of the UTF-8 of these scalars: F4 8F BE 80 … F4 8F BF BF.
    private static let lead: UInt8 = 0xF4

    /// Holds bytes as text.
    ///
    /// Most text is ASCII, for which the decoder without validation is three times as fast.
    package static func held(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard bytes.contains(where: { $0 > 127 }) else { return String(decoding: bytes, as: UTF8.self) }
        let others = bytes.count(where: { $0 > 127 })
        return String(unsafeUninitializedCapacity: bytes.count + 3 * others) { target in
            var place = 0
            for byte in bytes { write(byte, to: target, at: &place) }
            return place
        }
    }

    /// Holds bytes as text.
    package static func held(_ bytes: some Sequence<UInt8>) -> String {
        bytes.withContiguousStorageIfAvailable { held($0) } ?? Array(bytes).withUnsafeBufferPointer { held($0) }
    }

    private static func write(_ byte: UInt8, to target: UnsafeMutableBufferPointer<UInt8>, at place: inout Int) {
        guard byte > 127 else {
            target[place] = byte
            place += 1
            return
        }
        (target[place], target[place + 1]) = (lead, 0x8F)
        (target[place + 2], target[place + 3]) = (0xBE | (byte >> 6 & 1), 0x80 | (byte & 0x3F))
        place += 4
    }

    /// Whether the UTF-8 of a text may contain such scalars: a very cheap check.
    package static func mayHold(_ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let start = utf8.baseAddress, utf8.count > 3 else { return false }
        return memchr(start, Int32(lead), utf8.count) != nil
    }

    /// The bytes of a held text; for other text, its UTF-8.
    package static func bytes(of text: String) -> [UInt8] {
        var text = text
        return text.withUTF8 { bytes(ofHeld: $0) }
    }

    /// The bytes of a held text, from the UTF-8 of the text.
    package static func bytes(ofHeld utf8: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        guard mayHold(utf8) else { return Array(utf8) }
        return [UInt8](unsafeUninitializedCapacity: utf8.count) { target, count in
            var place = 0
            while place < utf8.count {
                let byte = heldByte(utf8, at: place)
                target[count] = byte ?? utf8[place]
                place += byte == nil ? 1 : 4
                count += 1
            }
        }
    }

    /// The held byte at a position; nil if there is none.
    private static func heldByte(_ utf8: UnsafeBufferPointer<UInt8>, at place: Int) -> UInt8? {
        guard utf8[place] == lead, place + 3 < utf8.count, utf8[place + 1] == 0x8F, utf8[place + 2] & 0xFE == 0xBE
        else {
            return nil
        }
        return 0x80 | (utf8[place + 2] & 1) << 6 | (utf8[place + 3] & 0x3F)
    }

    /// The bytes for people: invalid UTF-8 becomes U+FFFD.
    ///
    /// - Parameter utf8: the UTF-8 of held text, or of JSON, HTML or the like with held text in it.
    package static func readable(_ utf8: some Sequence<UInt8>) -> [UInt8] {
        let utf8 = Array(utf8)
        return utf8.withUnsafeBufferPointer { utf8 in
            guard mayHold(utf8) else { return Array(utf8) }
            return Array(String(decoding: bytes(ofHeld: utf8), as: UTF8.self).utf8)
        }
    }

    /// The number of bytes that a text holds.
    package static func count(of text: String) -> Int {
        var text = text
        return text.withUTF8 { mayHold($0) ? bytes(ofHeld: $0).count : $0.count }
    }

    /// The text for programs that accept only valid text; nil if it isn't UTF-8.
    package static func valid(_ text: String) -> String? {
        String(validating: bytes(of: text), as: UTF8.self)
    }
}

extension String {
    /// This outside text in its held form; see ``ByteText``.
    package var held: String { ByteText.held(utf8) }

    /// The text for people; invalid UTF-8 becomes U+FFFD.
    package var readable: String {
        var text = self
        return text.withUTF8 { utf8 in
            ByteText.mayHold(utf8) ? String(decoding: ByteText.bytes(ofHeld: utf8), as: UTF8.self) : nil
        } ?? self
    }
}

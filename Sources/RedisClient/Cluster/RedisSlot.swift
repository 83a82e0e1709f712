/// The hash slots of a cluster.
package enum RedisSlot {
    /// The number of slots.
    package static let count = 16_384

    /// The slot of a key.
    ///
    /// If a key has text between its first `{` and the next `}`, only that text is hashed, so that an application can
    /// put several keys in one slot.
    package static func of(_ key: String) -> Int {
        var key = key
        return key.withUTF8 { utf8 in
            guard ByteText.mayHold(utf8) else { return of(utf8) }
            return ByteText.bytes(ofHeld: utf8).withUnsafeBufferPointer { of($0) }
        }
    }

    /// The slot of a key given as bytes.
    static func of(_ key: ArraySlice<UInt8>) -> Int { key.withUnsafeBufferPointer { of($0) } }

    /// The slot of a key in memory: several of each record are asked for.
    private static func of(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        let hashed = hashed(key)
        return table.withUnsafeBufferPointer { table in
            var crc: UInt16 = 0
            for byte in UnsafeBufferPointer(rebasing: key[hashed]) {
                crc = crc << 8 ^ table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ byte)]
            }
            return Int(crc) % count
        }
    }

    private static func hashed(_ key: UnsafeBufferPointer<UInt8>) -> Range<Int> {
        guard let open = key.firstIndex(of: UInt8(ascii: "{")) else { return key.indices }
        guard let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1 else {
            return key.indices
        }
        return open + 1..<close
    }

    /// The smallest number whose digits hash to a slot.
    ///
    /// All numbers are computed once, which takes about a millisecond: as long as the search for a single one.
    package static func number(hashingTo slot: Int) -> Int { numbers[slot] }

    private static let numbers: [Int] = {
        var numbers = [Int](repeating: -1, count: count)
        var (number, open) = (0, count)
        while open > 0 {
            let slot = of(String(number))
            if numbers[slot] < 0 { (numbers[slot], open) = (number, open - 1) }
            number += 1
        }
        return numbers
    }()

    /// CRC-16/XMODEM: polynomial 0x1021, no reflection, initial value 0.
    private static let table: [UInt16] = (0..<256).map { byte in
        (0..<8).reduce(UInt16(byte) << 8) { crc, _ in
            crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021
        }
    }
}

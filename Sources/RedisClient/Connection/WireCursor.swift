/// Writes RESP into raw memory that is known to be large enough.
///
/// One reservation per word and a cursor that only moves forward: several times faster than appending piece by piece.
struct WireCursor {
    private let target: UnsafeMutableRawBufferPointer
    private(set) var offset: Int

    /// A cursor at a place of the memory.
    init(_ target: UnsafeMutableRawBufferPointer, at offset: Int = 0) {
        self.target = target
        self.offset = offset
    }

    /// Writes a mark, a number that is not negative, and the end of the line.
    mutating func writeHeader(ascii mark: UInt8, _ number: Int) {
        target[offset] = mark
        offset += 1
        var digits = 1
        var rest = number / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        rest = number
        for place in stride(from: offset + digits - 1, through: offset, by: -1) {
            target[place] = UInt8(48 + rest % 10)
            rest /= 10
        }
        offset += digits
        writeLineEnd()
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: bytes)
        offset += bytes.count
    }

    mutating func writeLineEnd() {
        target[offset] = UInt8(ascii: "\r")
        target[offset + 1] = UInt8(ascii: "\n")
        offset += 2
    }
}

/// A whole number as a record has it: also with zeros after a point, as languages write that know only one kind of
/// number (`7.0`).
struct WholeNumber: Equatable {
    /// The number.
    let value: Int64
    /// How many zeros are written after the point; 0 where there is no point.
    let zeros: Int

    /// Reads a number; nil for anything else, as one with a fraction, an exponent or too many digits.
    init?(_ text: String) {
        if let value = Int64(text) {
            self.value = value
            zeros = 0
            return
        }
        let utf8 = text.utf8
        guard let point = utf8.firstIndex(of: UInt8(ascii: ".")), let value = Int64(text[..<point]) else { return nil }
        let fraction = utf8[utf8.index(after: point)...]
        guard !fraction.isEmpty, fraction.allSatisfy({ $0 == UInt8(ascii: "0") }) else { return nil }
        self.value = value
        zeros = fraction.count
    }

    /// Another number, written as this one is.
    func text(for other: Int64) -> String {
        zeros == 0 ? String(other) : "\(other)." + String(repeating: "0", count: zeros)
    }
}

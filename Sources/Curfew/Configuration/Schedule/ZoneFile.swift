/// A time zone file of the system: a compiled file of the time zone database (TZif, RFC 8536).
struct ZoneFile: Sendable, Equatable {
    /// The largest file that is read; those of the database have a few kilobytes.
    static let mostBytes = 1 << 20

    /// The times of offset changes, in order.
    private let changes: [Int]
    /// The offset from each change on.
    private let offsets: [Int]
    /// The offset before the first change.
    private let first: Int
    /// The rule for the time after the last change.
    private let rule: ZoneRule?

    /// The offset from UTC at a second.
    func offset(at second: Int) -> Int {
        guard let start = changes.first, second >= start else {
            return changes.isEmpty ? rule?.offset(at: second) ?? first : first
        }
        var (low, high) = (0, changes.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if changes[middle] <= second { low = middle } else { high = middle }
        }
        if low == changes.count - 1, let rule { return rule.offset(at: second) }
        return offsets[low]
    }

    /// Parses a file; nil if it is invalid or counts leap seconds, which no server clock does.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= Self.mostBytes, var header = Header(bytes, at: 0) else { return nil }
        var width = 4
        var start = Header.length
        if header.version >= UInt8(ascii: "2") {
            let second = start + header.length(width: 4)
            guard let wide = Header(bytes, at: second) else { return nil }
            (header, width, start) = (wide, 8, second + Header.length)
        }
        let end = start + header.length(width: width)
        guard end <= bytes.count, header.leaps == 0, header.types > 0 else { return nil }
        let changes = (0..<header.times).map { Self.number(bytes, at: start + $0 * width, width: width) }
        let places = start + header.times * width
        let types = places + header.times
        let offsets = (0..<header.types).map { Self.number(bytes, at: types + $0 * 6, width: 4) }
        let ofChanges = (0..<header.times).map { Int(bytes[places + $0]) }
        guard ofChanges.allSatisfy({ $0 < offsets.count }), zip(changes, changes.dropFirst()).allSatisfy({ $0 < $1 }),
            offsets.allSatisfy({ abs($0) < 26 * 3600 })
        else { return nil }
        self.changes = changes
        self.offsets = ofChanges.map { offsets[$0] }
        first = offsets[0]
        guard width == 8 else {
            rule = nil
            return
        }
        let newline = UInt8(ascii: "\n")
        guard end < bytes.count, bytes[end] == newline, let close = bytes[(end + 1)...].firstIndex(of: newline) else {
            return nil
        }
        let footer = bytes[(end + 1)..<close]
        rule = ZoneRule(footer)
        // If the rule were ignored, the offset would stay as it is after the last change.
        if !footer.isEmpty, rule == nil { return nil }
    }

    /// The counts at the beginning of each half of a file.
    private struct Header {
        static let length = 44
        let version: UInt8
        let isUTCs, isStandards, leaps, times, types, characters: Int

        init?(_ bytes: [UInt8], at start: Int) {
            guard start + Self.length <= bytes.count, bytes[start..<(start + 4)].elementsEqual("TZif".utf8) else {
                return nil
            }
            version = bytes[start + 4]
            let counts = (0..<6).map { ZoneFile.number(bytes, at: start + 20 + $0 * 4, width: 4) }
            guard counts.allSatisfy({ (0...ZoneFile.mostBytes).contains($0) }) else { return nil }
            (isUTCs, isStandards, leaps) = (counts[0], counts[1], counts[2])
            (times, types, characters) = (counts[3], counts[4], counts[5])
        }

        func length(width: Int) -> Int {
            times * (width + 1) + types * 6 + characters + leaps * (width + 4) + isStandards + isUTCs
        }
    }

    private static func number(_ bytes: [UInt8], at start: Int, width: Int) -> Int {
        let number = bytes[start..<(start + width)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return width == 4 ? Int(Int32(truncatingIfNeeded: number)) : Int(Int64(bitPattern: number))
    }
}

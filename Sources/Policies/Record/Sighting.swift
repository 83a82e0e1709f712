/// When Curfew saw a record with the value that it has now.
///
/// Most locks say nothing of their age, so it counts from when their value was first seen. A value may come again,
/// though: a lock that is released and taken anew may have the same text. What tells it is the time for which the key
/// was idle, which Curfew's own looks at it begin anew as any other command does; so the last of them is remembered.
package struct Sighting: Sendable, Equatable {
    /// The first look at this value.
    package var first: Timestamp
    /// The latest look at it.
    package var latest: Timestamp

    /// Makes it; where it was seen once, that look is the latest too.
    package init(first: Timestamp, latest: Timestamp? = nil) {
        self.first = first
        self.latest = latest ?? first
    }

    /// Whether somebody else touched the key after the latest look, as far as whole seconds tell.
    ///
    /// That may have been a reader, too: Redis doesn't tell them apart.
    package func isTouched(idle seconds: Int64?, at now: Timestamp) -> Bool {
        guard let seconds else { return false }
        return seconds < (now - latest).milliseconds / 1_000
    }

    /// What is remembered of a value: when it was first seen, and the value.
    package static func text(first: Timestamp, value: String) -> String {
        String(pieces: [String(first.milliseconds), ":", value])
    }

    /// What was remembered, if it is this value: the time of the latest look, a space, and ``text(first:value:)``.
    package init?(remembered text: String, value: String) {
        let utf8 = text.utf8
        guard let space = utf8.firstIndex(of: UInt8(ascii: " ")),
            let colon = utf8[space...].firstIndex(of: UInt8(ascii: ":")),
            let latest = Int64(text[..<space]), let first = Int64(text[utf8.index(after: space)..<colon]),
            utf8[utf8.index(after: colon)...].elementsEqual(value.utf8)
        else { return nil }
        self.init(first: Timestamp(milliseconds: first), latest: Timestamp(milliseconds: latest))
    }
}

extension Fields {
    /// The whole content as one text, the same for the same content in any order: short as it is, else a digest.
    ///
    /// Only compared with what it was before, so that a digest will do; lengths keep `a` + `bc` apart from `ab` + `c`.
    package var signature: String {
        let pairs = zip(names, values).map { "\($0.utf8.count) \($0)=\($1?.utf8.count ?? -1) \($1 ?? "")" }
        let text = pairs.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.joined(separator: ";")
        guard text.utf8.count > 128 else { return text }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return "\(text.utf8.count) bytes, \(String(hash, radix: 16))"
    }
}

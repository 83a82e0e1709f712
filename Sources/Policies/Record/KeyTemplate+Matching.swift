extension KeyTemplate {
    /// The id that expands to this key: the inverse of ``expand(id:field:)``.
    ///
    /// Nil where the key doesn't fit, the id would be empty, or the template takes other fields, which no key can tell.
    package func id(of key: String) -> String? {
        guard fields.isEmpty else { return nil }
        var gaps = 0
        var literals = 0
        for segment in segments {
            if case .literal(let literal) = segment { literals += literal.utf8.count } else { gaps += 1 }
        }
        let room = key.utf8.count - literals
        guard gaps > 0, room > 0, room % gaps == 0 else { return nil }
        var start = 0
        if case .literal(let prefix)? = segments.first { start = prefix.utf8.count }
        guard let id = String(key.utf8.dropFirst(start).prefix(room / gaps)) else { return nil }
        let expanded = segments.map { segment in
            if case .literal(let literal) = segment { literal } else { id }
        }
        return expanded.joined() == key ? id : nil
    }

    /// The pattern for `SCAN … MATCH` that finds every key of this template: `job:*`.
    ///
    /// What glob patterns treat as special is escaped in the literal parts. It may find more than ``id(of:)`` accepts.
    package var scanPattern: String {
        var pattern = ""
        for segment in segments {
            guard case .literal(let literal) = segment else {
                pattern += "*"
                continue
            }
            for scalar in literal.unicodeScalars {
                if "*?[]\\".unicodeScalars.contains(scalar) { pattern += "\\" }
                pattern.unicodeScalars.append(scalar)
            }
        }
        return pattern
    }

    /// Whether the template can have made this key for a record with that id, whatever its fields held.
    ///
    /// Takes time in proportion to the key: whoever asks may have been handed any.
    ///
    /// - Parameter id: the record's id; nil if it may be any.
    package func fits(_ key: String, id: String?) -> Bool {
        let pieces = pieces(id: id)
        var rest = Array(key.utf8)[...]
        var place = 0
        while place < pieces.count {
            switch pieces[place] {
            case .text(let text):
                guard rest.starts(with: text) else { return false }
                rest = rest.dropFirst(text.count)
                place += 1
            case .gap(let least, let end):
                guard rest.count >= least else { return false }
                guard place + 1 < pieces.count, case .text(let text) = pieces[place + 1] else {
                    return isValue(rest, end)
                }
                // What follows stands at the end where it is the last piece, else at the first place that it can.
                let isLast = place + 2 == pieces.count
                let starts = isLast ? [rest.endIndex - text.count] : Array(rest.indices.dropFirst(least))
                guard
                    let start = starts.first(where: {
                        $0 >= rest.startIndex + least && rest[$0...].starts(with: text)
                    }), isValue(rest[..<start], end)
                else { return false }
                rest = rest[(start + text.count)...]
                place += 2
            }
        }
        return rest.isEmpty
    }

    private enum Piece {
        case text([UInt8])
        /// One value or several, of so many bytes at least, and what ends the last of them.
        case gap(Int, Unicode.Scalar?)
    }

    /// The parts that are known, and what lies between two of them.
    private func pieces(id: String?) -> [Piece] {
        var pieces: [Piece] = []
        for segment in segments {
            let text: [UInt8]
            switch segment {
            case .literal(let literal): text = Array(literal.utf8)
            case .id:
                guard let id else {
                    pieces.append(.gap(1, nil))
                    continue
                }
                text = Array(id.utf8)
            case .field(_, let end):
                if case .gap(let least, _)? = pieces.last {
                    pieces[pieces.count - 1] = .gap(least + 1, end)
                } else {
                    pieces.append(.gap(1, end))
                }
                continue
            }
            if case .text(let before)? = pieces.last {
                pieces[pieces.count - 1] = .text(before + text)
            } else {
                pieces.append(.text(text))
            }
        }
        return pieces
    }

    private func isValue(_ bytes: ArraySlice<UInt8>, _ end: Unicode.Scalar?) -> Bool {
        values == .any || Self.breakout(in: String(decoding: bytes, as: UTF8.self), of: .key, endingAt: end) == nil
    }

    /// What in the value of a field would make another key of a template than is meant; nil where nothing does.
    static func breakout(
        in value: String, of product: Product, endingAt end: Unicode.Scalar?
    ) -> Unicode.Scalar? {
        switch product {
        case .text: return nil
        case .object: return end == "/" && value.utf8.contains(UInt8(ascii: "/")) ? end : nil
        case .key: break
        }
        if let end, !end.isASCII, value.unicodeScalars.contains(end) { return end }
        // A byte that no text has, where nothing ends the gap.
        let last = end.flatMap { $0.isASCII ? UInt8(truncatingIfNeeded: $0.value) : nil } ?? 0xFF
        func isOut(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") || byte == last
        }
        // Nearly always there is none: all bytes at once, without a way out between them, are looked at several at a time.
        let isSound = value.utf8.withContiguousStorageIfAvailable { bytes in
            bytes.reduce(UInt8(0)) { $0 | (isOut($1) ? 1 : 0) } == 0
        }
        if isSound == true { return nil }
        return value.utf8.first(where: isOut).map { Unicode.Scalar($0) }
    }
}

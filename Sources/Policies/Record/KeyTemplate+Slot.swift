extension KeyTemplate {
    /// Whether in a Redis Cluster the keys of both templates are in one slot, whatever the record is.
    ///
    /// A Cluster hashes what is between the first `{` of a key and the next `}`, and all of it where nothing is. Braces in
    /// ids and in values of fields aren't thought of. Two keys may share a slot by chance all the same.
    package func sharesSlot(with other: KeyTemplate) -> Bool {
        Self.hashed(segments) == Self.hashed(other.segments)
    }

    /// The same with a key that is always the same.
    package func sharesSlot(withKey key: String) -> Bool {
        Self.hashed(segments) == Self.hashed([.literal(key)])
    }

    /// The part of the segments that is hashed.
    private static func hashed(_ segments: [Segment]) -> [Segment] {
        var tag: [Segment] = []
        var isOpen = false
        for segment in segments {
            guard case .literal(var text) = segment else {
                if isOpen { tag.append(segment) }
                continue
            }
            if !isOpen {
                guard let brace = text.firstIndex(of: "{") else { continue }
                text = String(text[text.index(after: brace)...])
                isOpen = true
            }
            let end = text.firstIndex(of: "}")
            let part = String(text[..<(end ?? text.endIndex)])
            if !part.isEmpty { tag.append(.literal(part)) }
            if end != nil { return tag.isEmpty ? segments : tag }
        }
        return segments
    }
}

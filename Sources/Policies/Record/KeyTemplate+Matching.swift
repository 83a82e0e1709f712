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
}

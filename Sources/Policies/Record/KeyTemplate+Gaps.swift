/// The inverse of filling a template with several gaps: what each of them holds in a key, or in a member.
extension KeyTemplate {
    /// The longest key that is taken apart: Redis allows half a gigabyte, and no application has one like that.
    private static let longest = 4_096

    /// The names of its gaps, `<id>` among them: each once, in order.
    package var gapNames: [String] {
        var names: [String] = []
        for segment in segments {
            let name: String
            switch segment {
            case .literal: continue
            case .id: name = "id"
            case .field(let field, _): name = field
            }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// What the gaps hold in a key; nil where the key doesn't fit.
    ///
    /// A gap holds anything, but at least something, without the character that follows it in the template, or what its
    /// rule says; a gap that occurs twice holds the same. Where a key can be read in two ways, the first gap holds less.
    package func gaps(of key: String, rules: [String: GapRule] = [:]) -> [String: String]? {
        let bytes = HeldBytes.bytes(of: key)
        guard bytes.count <= Self.longest else { return nil }
        var matching = GapMatching(bytes: bytes, parts: parts, rules: rules)
        return matching.match() ? matching.found : nil
    }

    /// Whether it can have made this key, whatever the record was like.
    package func mayMake(_ key: String) -> Bool { values == .any || gaps(of: key) != nil || fits(key, id: nil) }
}

/// A key that is taken apart: each gap is tried from its shortest content on.
///
/// Where no rule says what a gap holds, it ends at the first character that follows it, so nothing is tried twice. With
/// rules, the number of steps has a limit: a key that takes more doesn't fit.
struct GapMatching {
    enum Part: Hashable, Sendable {
        case literal([UInt8])
        case gap(String)

        init(_ segment: KeyTemplate.Segment) {
            switch segment {
            case .literal(let text): self = .literal(HeldBytes.bytes(of: text))
            case .id: self = .gap("id")
            case .field(let name, _): self = .gap(name)
            }
        }
    }

    private let bytes: [UInt8]
    private let parts: [Part]
    private let rules: [String: GapRule]
    private(set) var found: [String: String] = [:]
    private var steps = 10_000

    init(bytes: [UInt8], parts: [Part], rules: [String: GapRule]) {
        (self.bytes, self.parts, self.rules) = (bytes, parts, rules)
    }

    mutating func match() -> Bool { match(0, from: 0) }

    private mutating func match(_ number: Int, from start: Int) -> Bool {
        guard steps > 0 else { return false }
        steps -= 1
        guard number < parts.count else { return start == bytes.count }
        switch parts[number] {
        case .literal(let text):
            guard bytes[start...].starts(with: text) else { return false }
            return match(number + 1, from: start + text.count)
        case .gap(let name): return matchGap(name, number, from: start)
        }
    }

    private mutating func matchGap(_ name: String, _ number: Int, from start: Int) -> Bool {
        let rule = rules[name]
        let isFree = rule.map { !$0.only.isEmpty } ?? false
        var end: UInt8?
        if number + 1 < parts.count, case .literal(let text) = parts[number + 1] { end = text.first }
        if let earlier = found[name] {
            let known = HeldBytes.bytes(of: earlier)
            guard bytes[start...].starts(with: known) else { return false }
            return match(number + 1, from: start + known.count)
        }
        var place = start + 1
        while place <= bytes.count {
            defer { place += 1 }
            let isLast = number + 1 == parts.count
            if isLast, place < bytes.count { place = bytes.count }
            if !isFree, let end, bytes[place - 1] == end { return false }
            if let end, place < bytes.count, bytes[place] != end { continue }
            if end != nil, place == bytes.count { return false }
            let value = HeldBytes.text(bytes[start..<place])
            guard rule?.refusal(of: value) == nil else {
                if isLast { return false }
                continue
            }
            found[name] = value
            if match(number + 1, from: place) { return true }
            found[name] = nil
        }
        return false
    }
}

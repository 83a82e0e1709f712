/// What a gap of a template may hold, as a pattern over all of it: `[0-9]+`, `user-\d+|meta`.
///
/// It knows `.`, `[a-z]`, `[^:]`, `\d`, `\w`, `\s` and their opposites, `(…)`, `|`, `*`, `+`, `?` and `{2,4}`, and goes by
/// bytes. The ids it is asked about are whatever somebody has written, so it takes time in proportion to them, whatever the
/// pattern: all ways through it are followed at once, and none is tried again.
package struct GapPattern: Sendable, Hashable {
    /// The most states that a pattern may have, and the longest pattern.
    static let mostStates = 2_000, longest = 500

    /// The pattern as written.
    package let text: String
    private let states: [State]
    private let start: Int

    enum State: Hashable {
        case end
        case byte(ByteSet, next: Int)
        case split([Int])
    }

    /// Reads a pattern; throws with what is wrong, and where.
    package init(_ text: String) throws(TemplateError) {
        self.text = text
        let bytes = HeldBytes.bytes(of: text)
        guard !bytes.isEmpty else { throw TemplateError("a pattern can't be empty", column: 1) }
        guard bytes.count <= Self.longest else {
            throw TemplateError("longer than \(Self.longest) bytes", column: Self.longest)
        }
        var parser = GapPatternParser(bytes)
        let node = try parser.pattern()
        var states: [State] = [.end]
        guard let start = Self.add(node, before: 0, to: &states) else {
            throw TemplateError("repeats too much: expected \(Self.mostStates) steps at most", column: 1)
        }
        self.states = states
        self.start = start
    }

    /// Adds the states of a part; gives back the first, or nil where they are too many.
    private static func add(_ node: GapPatternParser.Node, before next: Int, to states: inout [State]) -> Int? {
        guard states.count < mostStates else { return nil }
        func append(_ state: State) -> Int {
            states.append(state)
            return states.count - 1
        }
        switch node {
        case .set(let set): return append(.byte(set, next: next))
        case .sequence(let nodes):
            var next = next
            for node in nodes.reversed() {
                guard let start = add(node, before: next, to: &states) else { return nil }
                next = start
            }
            return next
        case .either(let nodes):
            var starts: [Int] = []
            for node in nodes {
                guard let start = add(node, before: next, to: &states) else { return nil }
                starts.append(start)
            }
            return append(.split(starts))
        case .times(let node, let least, let most):
            var start = next
            if let most {
                for _ in least..<most {
                    guard let body = add(node, before: start, to: &states) else { return nil }
                    start = append(.split([body, next]))
                }
            } else {
                start = append(.split([]))
                guard let body = add(node, before: start, to: &states) else { return nil }
                states[start] = .split([body, next])
            }
            for _ in 0..<least {
                guard let body = add(node, before: start, to: &states) else { return nil }
                start = body
            }
            return start
        }
    }

    /// Whether the whole of a text fits.
    package func matches(_ text: String) -> Bool {
        var marks = [Int](repeating: -1, count: states.count)
        var current: [Int] = []
        enter(start, at: -2, &current, &marks)
        for (place, byte) in HeldBytes.bytes(of: text).enumerated() {
            var next: [Int] = []
            for state in current {
                if case .byte(let set, let following) = states[state], set.contains(byte) {
                    enter(following, at: place, &next, &marks)
                }
            }
            guard !next.isEmpty else { return false }
            current = next
        }
        return current.contains(0)
    }

    /// Adds a state, or those that it stands for.
    private func enter(_ state: Int, at place: Int, _ list: inout [Int], _ marks: inout [Int]) {
        var waiting = [state]
        while let state = waiting.popLast() {
            guard marks[state] != place else { continue }
            marks[state] = place
            if case .split(let others) = states[state] { waiting += others } else { list.append(state) }
        }
    }
}

/// A set of bytes.
struct ByteSet: Hashable, Sendable {
    private var words = [UInt64](repeating: 0, count: 4)

    init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
    }

    func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0 }

    mutating func formUnion(_ other: ByteSet) {
        for place in words.indices { words[place] |= other.words[place] }
    }

    /// All other bytes.
    var opposite: ByteSet {
        var set = self
        for place in words.indices { set.words[place] = ~words[place] }
        return set
    }
}

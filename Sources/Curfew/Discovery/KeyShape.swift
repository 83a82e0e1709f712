internal import RedisClient

/// What many keys have in common: a template with gaps, how many keys there are, and some of them.
struct KeyShape: Sendable {
    /// Its words and gaps.
    let steps: [KeyTree.Step]
    /// How many keys were seen.
    var count: Int
    /// Some of them.
    var keys: [String]
    /// The names of its gaps: the last is `id`, the others are called after the word before them.
    let gaps: [String]
    /// The template: `job:<id>`.
    let template: String

    init(steps: [KeyTree.Step], count: Int, keys: [String]) {
        self.steps = steps
        self.count = count
        self.keys = keys
        gaps = Self.names(of: steps)
        template = Self.template(steps, gaps)
    }

    private static func names(of steps: [KeyTree.Step]) -> [String] {
        let places = steps.indices.filter { steps[$0].word == nil }
        var names: [String] = []
        for place in places {
            guard place != places.last else {
                names.append("id")
                continue
            }
            let before = place > 0 ? steps[place - 1].word.flatMap { NameWords.of($0).last } : nil
            var name = before.map(NameWords.singular) ?? "part"
            if name == "id" || names.contains(name) { name += String(names.count + 1) }
            names.append(name)
        }
        return names
    }

    private static func template(_ steps: [KeyTree.Step], _ gaps: [String]) -> String {
        var rest = gaps[...]
        return steps.reduce(into: "") { text, step in
            text += step.separator + (step.word ?? "<\(rest.popFirst() ?? "id")>")
        }
    }

    /// The word that names what it is: the last before the last gap, or the last of all: `job` of `shop:job:<id>`.
    var noun: String {
        let gap = steps.lastIndex { $0.word == nil } ?? steps.endIndex
        let word = steps[..<gap].last { $0.word?.isEmpty == false }?.word ?? "record"
        return NameWords.singular(NameWords.of(word).last ?? "record")
    }

    /// All its words, in small letters.
    var words: [String] { steps.compactMap(\.word).flatMap(NameWords.of) }

    /// What stands in its gaps in a key.
    func values(in key: String) -> [String] {
        let words = KeyWords.words(of: key)
        return steps.indices.filter { steps[$0].word == nil && $0 < words.count }.map { words[$0].text }
    }

    /// The key with a value in its only gap; nil where it has several.
    func key(_ value: String) -> String? {
        guard gaps.count == 1, !value.isEmpty else { return nil }
        return steps.map { $0.separator + ($0.word ?? value) }.joined()
    }

    /// The template with another name in its only gap.
    func template(naming name: String) -> String {
        steps.map { $0.separator + ($0.word ?? "<\(name)>") }.joined()
    }

    /// Whether it can be written as a template at all.
    var isWritable: Bool {
        ByteText.valid(template) != nil
            && !steps.contains { ($0.separator + ($0.word ?? "")).contains { "<>".contains($0) || $0.isNewline } }
    }

    /// What it has after another shape, where its keys are that shape's with something behind: `:log`.
    func suffix(after other: KeyShape) -> String? {
        guard steps.count > other.steps.count, Array(steps.prefix(other.steps.count)) == other.steps,
            steps.dropFirst(other.steps.count).allSatisfy({ $0.word != nil })
        else { return nil }
        return steps.dropFirst(other.steps.count).map { $0.separator + ($0.word ?? "") }.joined()
    }
}

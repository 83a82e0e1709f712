internal import Yams

/// Parses YAML text into a tree and reports YAML problems.
///
/// Aliases are refused: ten lines of them can expand to a billion values, and a configuration that removes records
/// should be readable as written. Duplicate keys don't stop the parser, so that they are reported with all other
/// problems.
struct YAMLReader {
    /// The largest accepted text.
    static let byteLimit = 1 << 20
    /// The most duplicate keys reported at once: each costs another pass over the text.
    private static let duplicateLimit = 8

    let problems: ProblemList
    let environment: [String: String]

    /// The tree of a text; nil if it isn't valid YAML, which is then reported.
    func read(_ text: String) -> YAMLNode? {
        guard text.utf8.count <= Self.byteLimit else {
            problems.add(line: nil, "the file is larger than 1 MiB, which is too large for a configuration")
            return nil
        }
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        switch compose(text) {
        case .refused: return nil
        case .empty:
            problems.add(line: nil, "the file is empty, expected at least redis and cleanups")
            return nil
        case .tree(let root):
            return YAMLConverter(problems: problems, environment: environment).node(root, path: "", depth: 0)
        }
    }

    private enum Composition {
        case tree(Node)
        case empty
        /// The text has a problem.
        case refused
    }

    /// Parses the text, again each time a duplicate key stops the library, which reports one and stops.
    ///
    /// In the first pass anchors are replaced: each `&name` becomes a tag `!name`. The structure stays the same, and
    /// every alias is an error before the library resolves it or compares keys built from it.
    private func compose(_ original: String) -> Composition {
        var text = original
        var duplicates: [(key: String, line: Int)] = []
        while true {
            do {
                let withoutAnchors = Self.withoutAnchors(text)
                guard var root = try parse(withoutAnchors) else { return .empty }
                if withoutAnchors != text { root = try parse(text) ?? root }
                return .tree(root)
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let key = DuplicateMark.without(keys.first ?? "").key
                duplicates.append((key, context.mark.line))
                let marked = DuplicateMark.marking(text, at: context.mark, number: duplicates.count)
                guard let marked, duplicates.count < Self.duplicateLimit else {
                    for (key, line) in duplicates { problems.add(line: line, "“\(key)” is a duplicate key") }
                    return .refused
                }
                text = marked
            } catch {
                for (key, line) in duplicates { problems.add(line: line, "“\(key)” is a duplicate key") }
                let problem = YAMLProblem(error, in: text)
                problems.add(line: problem.line, problem.message)
                return .refused
            }
        }
    }

    private func parse(_ text: String) throws -> Node? {
        try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
    }

    private static func withoutAnchors(_ text: String) -> String {
        var bytes = Array(text.utf8)
        for index in bytes.indices.dropLast() where bytes[index] == UInt8(ascii: "&") {
            let next = Unicode.Scalar(bytes[index + 1])
            if next.properties.isAlphabetic && next.isASCII || "0123456789_-".unicodeScalars.contains(next) {
                bytes[index] = UInt8(ascii: "!")
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A marker that makes one of two equal keys different, so that the library continues; removed when the tree is built.
enum DuplicateMark {
    /// A private-use character that no configuration needs.
    private static let sign: Unicode.Scalar = "\u{E000}"

    /// The text with the key at a place marked; nil if the place doesn't exist or the text contains the marker.
    static func marking(_ text: String, at mark: Mark, number: Int) -> String? {
        var scalars = Array(text.unicodeScalars)
        guard number > 1 || !scalars.contains(sign) else { return nil }
        guard var index = index(of: mark, in: scalars), let tail = Unicode.Scalar(0xE100 + number) else { return nil }
        if scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
        scalars.insert(contentsOf: [sign, tail], at: index)
        var marked = String.UnicodeScalarView()
        marked.append(contentsOf: scalars)
        return String(marked)
    }

    /// A key without its marker, and whether it had one.
    static func without(_ key: String) -> (key: String, isMarked: Bool) {
        guard key.unicodeScalars.first == sign else { return (key, false) }
        return (String(key.unicodeScalars.dropFirst(2)), true)
    }

    /// Lines end as the library counts them.
    private static func index(of mark: Mark, in scalars: [Unicode.Scalar]) -> Int? {
        var line = 1
        var index = 0
        while line < mark.line, index < scalars.count {
            let isPair = scalars[index] == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n"
            if ["\r", "\n", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalars[index]) { line += 1 }
            index += isPair ? 2 : 1
        }
        index += mark.column - 1
        return index < scalars.count ? index : nil
    }
}

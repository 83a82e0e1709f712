internal import RedisClient
internal import Yams

/// Converts the library's tree to Curfew's: expands variables, and reports duplicate keys and unsupported features.
///
/// From here on, text is held as ``ByteText``, since most of it is compared with data in Redis.
struct YAMLConverter {
    /// The deepest nesting of sections and lists; a configuration needs 5.
    private static let depthLimit = 32

    let problems: ProblemList
    let environment: [String: String]

    func node(_ node: Node, path: String, depth: Int) -> YAMLNode {
        let line = node.mark?.line ?? 1
        guard depth < Self.depthLimit else {
            problems.add(line: line, "nested deeper than \(Self.depthLimit) levels")
            return YAMLNode(line: line, content: .unreadable)
        }
        if node.tag.description.hasPrefix("!") {
            problems.add(line: line, path: path, "tags (\(node.tag.description)) are not supported")
        }
        switch node {
        case .scalar(let scalar): return YAMLNode(line: line, content: content(of: scalar, line: line, path: path))
        case .sequence(let nodes):
            let items = nodes.map { self.node($0, path: path, depth: depth + 1) }
            return YAMLNode(line: line, content: .list(items))
        case .mapping(let mapping):
            return YAMLNode(line: line, content: .section(entries(of: mapping, path: path, depth: depth)))
        case .alias:
            return YAMLNode(line: line, content: .unreadable)
        }
    }

    /// Only values are expanded, after the file's structure is known, so the environment can't add keys.
    private func content(of scalar: Node.Scalar, line: Int, path: String) -> YAMLNode.Content {
        if scalar.style == .plain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) { return .nothing }
        do {
            let written = scalar.string.held
            let text = try Expansion.expand(written, environment, isAddress: SecretKeys.isAddress(path))
            return .scalar(YAMLNode.Scalar(text: text, source: written, isPlain: scalar.style == .plain))
        } catch {
            problems.add(line: line, path: path, error.message)
            return .unreadable
        }
    }

    private func entries(of mapping: Node.Mapping, path: String, depth: Int) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        for (keyNode, valueNode) in mapping {
            let line = keyNode.mark?.line ?? 1
            guard case .scalar(let scalar) = keyNode else {
                problems.add(line: line, path: path, "a key must be a text")
                continue
            }
            let (plain, isMarked) = DuplicateMark.without(scalar.string)
            let key = plain.held
            let keyPath = path.isEmpty ? key : "\(path).\(key)"
            let value = node(valueNode, path: keyPath, depth: depth + 1)
            if let first = lines[key] {
                problems.add(line: line, path: keyPath, "duplicate key, first on line \(first)")
                continue
            }
            if isMarked, !mapping.contains(where: { $0.key.scalar?.string.held == key }) {
                problems.add(line: line, path: keyPath, "duplicate key")
            }
            lines[key] = line
            entries.append(YAMLNode.Entry(key: key, line: line, value: value))
        }
        return entries
    }
}

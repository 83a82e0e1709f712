/// A part of the configuration file with its line.
///
/// This tree is Curfew's own, so that no other code depends on the YAML library. Scalars are text until a key gives
/// them a meaning.
struct YAMLNode: Sendable {
    /// The content of a node.
    enum Content: Sendable {
        /// Nothing, `~` or `null`.
        case nothing
        /// A node whose problem is already reported.
        case unreadable
        case scalar(Scalar)
        case list([YAMLNode])
        case section([Entry])
    }

    /// A single value: a text, a number, a duration.
    struct Scalar: Sendable {
        /// The value, with variables expanded.
        var text: String
        /// The value as the file writes it.
        var source: String
        /// Whether it is written without quotes.
        var isPlain = false
        /// The value for messages: as the file writes it, since the environment has secrets.
        var written: String { source.withoutCredentials }

        /// Whether it contains expanded variables.
        var isExpanded: Bool { text != source }

        /// Whether the expansion left it empty (`${NAME:-}`); it then counts as absent.
        var isVoid: Bool { text.isEmpty && isExpanded }
    }

    /// One `key: value`.
    struct Entry: Sendable {
        var key: String
        /// The line of the key.
        var line: Int
        var value: YAMLNode
        /// Whether it comes from a preset, and not from the file.
        var isOfPreset = false
    }

    /// The line where it begins, from 1.
    var line: Int
    var content: Content

    /// Whether it is nothing or an empty text; a value that only the environment left empty may be a mistake.
    var isEmpty: Bool {
        switch content {
        case .nothing: true
        case .scalar(let scalar): scalar.text.isEmpty && !scalar.isExpanded
        case .list, .section, .unreadable: false
        }
    }

    /// The same section with a list of one text under that key as this text.
    func withSingle(_ key: String) -> YAMLNode {
        guard case .section(var entries) = content, let place = entries.firstIndex(where: { $0.key == key }),
            case .list(let items) = entries[place].value.content, items.count == 1, case .scalar = items[0].content
        else { return self }
        entries[place].value = items[0]
        return YAMLNode(line: line, content: .section(entries))
    }

    /// Its kind, for messages.
    var noun: String {
        switch content {
        case .nothing, .unreadable: "nothing"
        case .scalar(let scalar): "“\(scalar.written)”"
        case .list: "a list"
        case .section: "a section"
        }
    }
}

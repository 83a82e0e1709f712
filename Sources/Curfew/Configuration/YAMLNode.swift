/// A part of the configuration file, with the line it stands on.
///
/// Curfew's own tree, so that nothing behind it knows the YAML library: scalars are text until a key says what they mean.
struct YAMLNode: Sendable {
    /// What stands there.
    enum Content: Sendable {
        /// Nothing at all, `~` or `null`.
        case nothing
        /// Something whose problem is reported already: whoever reads it says nothing more.
        case unreadable
        case scalar(Scalar)
        case list([YAMLNode])
        case section([Entry])
    }

    /// A text, a number, a duration: whatever is one value.
    struct Scalar: Sendable {
        /// The value, with what came from the environment.
        var text: String
        /// The value as the file writes it.
        var source: String
        /// What messages quote: the value as the file writes it, since the environment holds secrets.
        var written: String { source.withoutCredentials }

        /// Whether something came from the environment.
        var isExpanded: Bool { text != source }

        /// Whether the environment left nothing of it (`${NAME:-}`): it then counts as absent.
        var isVoid: Bool { text.isEmpty && isExpanded }
    }

    /// One `key: value`.
    struct Entry: Sendable {
        var key: String
        /// The line of the key.
        var line: Int
        var value: YAMLNode
    }

    /// The line it begins on, from 1.
    var line: Int
    var content: Content

    /// Whether it says nothing, or an empty text; what only the environment left empty may be a mistake.
    var isEmpty: Bool {
        switch content {
        case .nothing: true
        case .scalar(let scalar): scalar.text.isEmpty && !scalar.isExpanded
        case .list, .section, .unreadable: false
        }
    }

    /// What it is, for messages.
    var noun: String {
        switch content {
        case .nothing, .unreadable: "nothing"
        case .scalar(let scalar): "“\(scalar.written)”"
        case .list: "a list"
        case .section: "a section"
        }
    }
}

internal import Policies
internal import RedisClient

/// The part of the configuration that a policy is read from: its cleanup, or a section inside it.
///
/// Each reader returns nil where the key is absent or wrong. A wrong value is reported with file, line and key, what was
/// found and what was expected, and so is an absent key that is required; the reading of the file then fails with every
/// problem that there is. A value that the environment leaves empty (`${NAME:-}`) counts as absent.
public struct PolicySection {
    private let section: Section

    init(_ section: Section) {
        self.section = section
    }

    /// The keys that are there, in the order of the file; those of every cleanup are among them.
    public var keys: [String] { section.entries.map(\.key.readable) }

    /// Whether a key has a value.
    public func has(_ key: String) -> Bool { section.has(key.held) }

    /// Reports a problem with a key: the file is then refused.
    ///
    /// - Parameter message: what was found, and what was expected.
    public func report(_ key: String, _ message: String) {
        section.problem(key.held, message)
    }

    /// A text that isn't empty.
    ///
    /// - Parameter expected: what is expected, for messages.
    public func text(_ key: String, required: Bool = false, expected: String = "a text") -> String? {
        section.text(key.held, isRequired: required, expected: expected)?.readable
    }

    /// A list of texts, or a single text without brackets; never empty.
    public func texts(_ key: String, required: Bool = false) -> [String]? {
        guard required || section.entry(key.held) != nil else { return nil }
        return section.texts(key.held, isRequired: required)?.map(\.readable)
    }

    /// One of several words.
    public func word(_ key: String, of words: [String], required: Bool = false) -> String? {
        section.choice(key.held, isRequired: required, words.map { ChosenWord(rawValue: $0.held) })?.rawValue.readable
    }

    /// `true` or `false`.
    public func flag(_ key: String) -> Bool? { section.flag(key.held) }

    /// A whole number within a range.
    public func integer(_ key: String, in range: ClosedRange<Int> = 0...Int.max, required: Bool = false) -> Int? {
        section.integer(key.held, isRequired: required, in: range)
    }

    /// A duration with a unit, such as `30s`, `15m` or `7d`: more than zero, and at most a hundred years.
    public func duration(_ key: String, required: Bool = false) -> Duration? {
        section.duration(key.held, isRequired: required)
    }

    /// The template of a key that is read, such as `worker:<worker>:alive`.
    public func template(_ key: String, required: Bool = false) -> PolicyTemplate? {
        section.template(key.held, isRequired: required).map(PolicyTemplate.init)
    }

    /// The template of a key that changes write to: it must begin with a name, or a record could name any key.
    public func writtenTemplate(_ key: String, required: Bool = false) -> PolicyTemplate? {
        section.writtenTemplate(key.held, isRequired: required).map(PolicyTemplate.init)
    }

    /// A section inside this one, whose keys are checked against those that are known.
    public func section(_ key: String, keys known: [String], required: Bool = false) -> PolicySection? {
        guard let inner = section.section(key.held, isRequired: required) else { return nil }
        inner.expect(known.map(\.held))
        return PolicySection(inner)
    }
}

/// One of the words of ``PolicySection/word(_:of:required:)``.
private struct ChosenWord: RawRepresentable {
    let rawValue: String
}

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
    public var keys: [String] { section.entries.map(\.key.forProgram) }

    /// Whether a key has a value.
    public func has(_ key: String) -> Bool { section.has(key.fromProgram) }

    /// Reports a problem with a key: the file is then refused.
    ///
    /// - Parameters:
    ///   - key: the key of the policy's part.
    ///   - message: what was found, and what was expected.
    public func report(_ key: String, _ message: String) {
        section.problem(key.fromProgram, message)
    }

    /// A text that isn't empty.
    ///
    /// - Parameters:
    ///   - key: the key of the policy's part.
    ///   - required: whether it is a problem that the key isn't there.
    ///   - expected: what is expected, for messages.
    public func text(_ key: String, required: Bool = false, expected: String = "a text") -> String? {
        section.text(key.fromProgram, isRequired: required, expected: expected)?.forProgram
    }

    /// A list of texts, or a single text without brackets; never empty.
    public func texts(_ key: String, required: Bool = false) -> [String]? {
        guard required || section.entry(key.fromProgram) != nil else { return nil }
        return section.texts(key.fromProgram, isRequired: required)?.map(\.forProgram)
    }

    /// One of several words.
    public func word(_ key: String, of words: [String], required: Bool = false) -> String? {
        section.choice(key.fromProgram, isRequired: required, words.map { ChosenWord(rawValue: $0.fromProgram) })?
            .rawValue.forProgram
    }

    /// `true` or `false`.
    public func flag(_ key: String) -> Bool? { section.flag(key.fromProgram) }

    /// A whole number within a range.
    public func integer(_ key: String, in range: ClosedRange<Int> = 0...Int.max, required: Bool = false) -> Int? {
        section.integer(key.fromProgram, isRequired: required, in: range)
    }

    /// A duration with a unit, such as `30s`, `15m` or `7d`: more than zero, and at most a hundred years.
    public func duration(_ key: String, required: Bool = false) -> Duration? {
        section.duration(key.fromProgram, isRequired: required)
    }

    /// The template of a key that is read, such as `worker:<worker>:alive`.
    public func template(_ key: String, required: Bool = false) -> PolicyTemplate? {
        section.template(key.fromProgram, isRequired: required).map(PolicyTemplate.init)
    }

    /// The template of a key that changes write to: it must begin with a name, or a record could name any key.
    public func writtenTemplate(_ key: String, required: Bool = false) -> PolicyTemplate? {
        section.writtenTemplate(key.fromProgram, isRequired: required).map(PolicyTemplate.init)
    }

    /// A section inside this one, whose keys are checked against those that are known.
    public func section(_ key: String, keys known: [String], required: Bool = false) -> PolicySection? {
        guard let inner = section.section(key.fromProgram, isRequired: required) else { return nil }
        inner.expect(known.map(\.fromProgram))
        return PolicySection(inner)
    }
}

/// One of the words of ``PolicySection/word(_:of:required:)``.
private struct ChosenWord: RawRepresentable {
    let rawValue: String
}

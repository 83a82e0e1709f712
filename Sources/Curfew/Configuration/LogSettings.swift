/// How the program logs: the section `log` of the file.
package struct LogSettings: Sendable, Equatable {
    /// The form of a line.
    package enum Format: String, CaseIterable, Sendable {
        /// A line for people.
        case text
        /// A JSON object per line, with the same keys.
        case json
    }

    /// The lowest level that is logged.
    package enum Level: String, CaseIterable, Sendable {
        case trace, debug, info, notice, warning, error, critical
    }

    /// The form of a line.
    package var format: Format = .text
    /// The lowest level of a worker, a server and of `curfew run`; nil leaves it to the command.
    package var level: Level?

    /// The defaults are those of the file.
    package init() {}

    /// Reads the section.
    init(_ section: Section) {
        section.expect(["format", "level"])
        format = section.choice("format", Format.allCases) ?? format
        level = section.choice("level", Level.allCases)
    }
}

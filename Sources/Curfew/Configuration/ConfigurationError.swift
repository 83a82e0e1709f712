/// Why a configuration is refused: all problems with their places.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// One problem.
    package struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// The file name as given.
        package var file: String
        /// The line, from 1; nil for the file as a whole.
        package var line: Int?
        /// The key with its parents: `cleanups.stuck-jobs.timeout`; empty for the file as a whole.
        package var path: String
        /// What was found and what was expected.
        package var message: String

        /// The problem in one line, like a compiler message: `curfew.yaml:12: cleanups.jobs.timeot: unknown key`.
        package var description: String {
            let place = line.map { "\(file):\($0)" } ?? file
            return path.isEmpty ? "\(place): \(message)" : "\(place): \(path): \(message)"
        }
    }

    /// The problems in file order, at least one.
    package let problems: [Problem]

    /// One line per problem; values are quoted as the file writes them, without expanded environment variables.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// Why a configuration is refused: every problem that was found, each with its place.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// One thing that is wrong.
    package struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// The file as it was named.
        package var file: String
        /// The line, from 1; nil where the file as a whole is meant.
        package var line: Int?
        /// The key with those it lies under: `cleanups.stuck-jobs.timeout`; empty where the file as a whole is meant.
        package var path: String
        /// What is wrong, and what was expected.
        package var message: String

        /// The problem in one line, as compilers write theirs: `curfew.yaml:12: cleanups.jobs.timeot: unknown key`.
        package var description: String {
            let place = line.map { "\(file):\($0)" } ?? file
            return path.isEmpty ? "\(place): \(message)" : "\(place): \(path): \(message)"
        }
    }

    /// The problems in the order of the file, at least one.
    package let problems: [Problem]

    /// A line for each problem; values are quoted as the file writes them, not as the environment fills them in.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

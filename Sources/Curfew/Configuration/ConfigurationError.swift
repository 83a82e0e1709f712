/// Why a configuration is refused: all problems with their places.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// One problem.
    package typealias Problem = CurfewError.Problem

    /// The problems in file order, at least one.
    package let problems: [Problem]

    /// One line per problem; values are quoted as the file writes them, without expanded environment variables.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

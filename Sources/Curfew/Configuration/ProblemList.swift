/// The problems of a file, shared by everything that reads it.
///
/// Reading continues after a problem, so that a person can correct the file in one go.
final class ProblemList {
    /// Further problems are only counted: a file may have a hundred thousand.
    private static let limit = 100

    /// The file name as given.
    let file: String
    private var problems: [ConfigurationError.Problem] = []
    private var omitted = 0

    init(file: String) {
        self.file = file
    }

    var isEmpty: Bool { problems.isEmpty }
    /// How many there are.
    var count: Int { problems.count + omitted }

    /// Adds a problem; duplicates count once.
    func add(line: Int?, path: String = "", _ message: @autoclosure () -> String) {
        guard problems.count < Self.limit else {
            omitted += 1
            return
        }
        let problem = ConfigurationError.Problem(file: file, line: line, path: path, message: message())
        if !problems.contains(problem) { problems.append(problem) }
    }

    /// The error with all problems, in file order.
    var error: ConfigurationError {
        let ordered = problems.enumerated().sorted {
            ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset)
        }
        var problems = ordered.map(\.element)
        if omitted > 0 {
            problems.append(ConfigurationError.Problem(file: file, path: "", message: "and \(omitted) more problems"))
        }
        return ConfigurationError(problems: problems)
    }
}

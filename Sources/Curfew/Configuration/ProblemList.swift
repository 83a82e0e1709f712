/// The problems found so far: one list for a whole file, handed to every part that reads of it.
///
/// Reading goes on after a problem, so that a person corrects a file once and not once for each mistake.
final class ProblemList {
    /// More than this are only counted: they are no longer read by anybody, and a file may hold a hundred thousand.
    private static let limit = 100

    /// The file as it was named.
    let file: String
    private var problems: [ConfigurationError.Problem] = []
    private var omitted = 0

    init(file: String) {
        self.file = file
    }

    var isEmpty: Bool { problems.isEmpty }

    /// Notes a problem; noted twice, it counts once.
    func add(line: Int?, path: String = "", _ message: @autoclosure () -> String) {
        guard problems.count < Self.limit else {
            omitted += 1
            return
        }
        let problem = ConfigurationError.Problem(file: file, line: line, path: path, message: message())
        if !problems.contains(problem) { problems.append(problem) }
    }

    /// The error made of all of them, in the order of the file.
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

internal import Yams

/// A problem reported by the YAML library, as a line and a message for people.
struct YAMLProblem {
    let line: Int?
    let message: String

    init(_ error: any Error, in text: String) {
        switch error {
        case YamlError.composer(_, let problem, let mark, _) where problem == "found undefined alias":
            line = mark.line
            message = "aliases (*name) are not supported, write the values out"
        case YamlError.composer(_, _, let mark, _):
            line = mark.line
            message = "a second document begins, expected one"
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _):
            line = mark.line
            message = Self.message(problem, context, line: mark.line)
        case YamlError.reader(let problem, let offset, _, let yaml):
            let before = offset.map { yaml.prefix($0) }
            line = before.map { $0.count(where: \.isNewline) + 1 }
            message = "not valid YAML: \(problem)"
        default:
            line = nil
            message = "not valid YAML: \(error)"
        }
    }

    private static func message(_ problem: String, _ context: YamlError.Context?, line: Int) -> String {
        guard let context else { return "not valid YAML: \(problem)" }
        if context.text.contains("alias") { return "not valid YAML: a value that begins with * needs quotes" }
        let place = context.mark.line == line ? "" : " that begins on line \(context.mark.line)"
        return "not valid YAML: \(problem) (\(context.text)\(place))"
    }
}

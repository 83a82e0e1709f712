internal import Policies

/// A set of cleanups for a well-known job system, kept as a file in the language of the configuration.
///
///     # What it does.
///     parameters:
///       prefix: {default: "rq:", means: what all keys begin with}
///     cleanups:
///       rq-stuck: {policy: stuck, in: "${prefix}wip:<queue>", …}
///
/// `preset: rq` in a configuration stands for its cleanups, `preset: {rq: {timeout: 10m}}` for the same with other
/// parameters. There is no code for any of the systems: a preset can say what every configuration can.
package struct Preset: Sendable {
    /// A value that a preset leaves open.
    package struct Parameter: Sendable {
        /// Its name.
        package let name: String
        /// What it is where nobody says so.
        package let usual: String
        /// What it means.
        package let meaning: String
    }

    /// The name.
    package let name: String
    /// The file.
    package let text: String

    /// The presets that there are.
    package static let all: [Preset] = [
        Preset(name: "rq", PackageResources.rq_yaml), Preset(name: "bullmq", PackageResources.bullmq_yaml),
        Preset(name: "celery", PackageResources.celery_yaml), Preset(name: "sidekiq", PackageResources.sidekiq_yaml),
        Preset(name: "asynq", PackageResources.asynq_yaml), Preset(name: "saq", PackageResources.saq_yaml),
        Preset(name: "arq", PackageResources.arq_yaml), Preset(name: "dramatiq", PackageResources.dramatiq_yaml),
        Preset(name: "resque", PackageResources.resque_yaml), Preset(name: "laravel", PackageResources.laravel_yaml),
    ]

    private init(name: String, _ bytes: [UInt8]) {
        self.name = name
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// The preset of that name.
    package static func named(_ name: String) -> Preset? { all.first { $0.name == name } }

    /// The parameters, as the file has them.
    package var parameters: [Parameter] {
        guard let root = read([:], isChecked: false), let entry = root.first(where: { $0.key == "parameters" }),
            case .section(let parameters) = entry.value.content
        else { return [] }
        return parameters.compactMap { parameter in
            guard case .section(let facts) = parameter.value.content else { return nil }
            func text(_ key: String) -> String {
                guard case .scalar(let scalar)? = facts.first(where: { $0.key == key })?.value.content else {
                    return ""
                }
                return scalar.text
            }
            return Parameter(name: parameter.key, usual: text("default"), meaning: text("means"))
        }
    }

    /// Its cleanups, with these parameters in place of the usual ones; every line is that of the file that names it.
    func cleanups(_ given: [String: String], line: Int) -> [YAMLNode.Entry] {
        guard let root = read(values(given), isChecked: true), let entry = root.first(where: { $0.key == "cleanups" }),
            case .section(let cleanups) = entry.value.content
        else { preconditionFailure("the preset \(name) can't be read") }
        return cleanups.map { cleanup in
            var moved = cleanup.moved(to: line)
            moved.isOfPreset = true
            return moved
        }
    }

    /// The file with these parameters in place of the usual ones, without the list of them: what the preset stands for.
    package func written(_ given: [String: String] = [:]) -> (head: String, cleanups: String) {
        var head: [Substring] = []
        var cleanups: [Substring] = []
        var part = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let first = line.first, first.isLetter { part = String(line.prefix { $0 != ":" }) }
            if part.isEmpty { head.append(line) }
            if part == "cleanups", !line.hasPrefix("cleanups:") { cleanups.append(line) }
        }
        var body = cleanups.joined(separator: "\n")
        for (name, value) in values(given) { body = body.replacing("${\(name)}", with: value) }
        return (head.joined(separator: "\n"), body)
    }

    private func values(_ given: [String: String]) -> [String: String] {
        var values: [String: String] = [:]
        for parameter in parameters { values[parameter.name] = given[parameter.name] ?? parameter.usual }
        return values
    }

    private func read(_ values: [String: String], isChecked: Bool) -> [YAMLNode.Entry]? {
        let problems = ProblemList(file: name)
        // Unknown here are only the parameters themselves, when their list is what is wanted.
        let environment =
            isChecked ? values : Dictionary(Self.placeholders(text).map { ($0, "x") }) { first, _ in first }
        guard let root = YAMLReader(problems: problems, environment: environment).read(text), problems.isEmpty,
            case .section(let entries) = root.content
        else { return nil }
        return entries
    }

    /// The names in `${…}`.
    private static func placeholders(_ text: String) -> [String] {
        text.split(separator: "${", omittingEmptySubsequences: false).dropFirst().map {
            String($0.prefix { $0 != "}" })
        }
    }
}

extension YAMLNode.Entry {
    /// The same at one line of another file.
    fileprivate func moved(to line: Int) -> YAMLNode.Entry {
        YAMLNode.Entry(key: key, line: line, value: value.moved(to: line))
    }
}

extension YAMLNode {
    fileprivate func moved(to line: Int) -> YAMLNode {
        let moved: Content =
            switch content {
            case .list(let items): .list(items.map { $0.moved(to: line) })
            case .section(let entries): .section(entries.map { $0.moved(to: line) })
            // The file has only the parameter.
            case .scalar(let scalar):
                .scalar(YAMLNode.Scalar(text: scalar.text, source: scalar.text, isPlain: scalar.isPlain))
            case .nothing, .unreadable: content
            }
        return YAMLNode(line: line, content: moved)
    }
}

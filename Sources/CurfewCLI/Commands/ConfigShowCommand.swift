internal import ArgumentParser
internal import Curfew
internal import RedisClient

/// `curfew config show`: prints the cleanups that presets stand for.
struct ConfigShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints what presets stand for, to be copied and changed.",
        discussion: """
            With the name of a preset, prints that preset with its usual parameters; no configuration file is needed. \
            Without one, prints those that the configuration file names, with the parameters that it gives them.
            """)

    @Argument(help: "The name of a preset.")
    var name: String?

    @OptionGroup var options: GlobalOptions

    /// The answer with `--json`.
    private struct Answer: Encodable {
        struct Parameter: Encodable {
            var name: String, value: String, meaning: String
        }

        var preset: String
        var parameters: [Parameter]
        var cleanups: String
    }

    func run() throws {
        let uses: [(preset: Preset, parameters: [String: String])]
        if let name {
            guard let preset = Preset.named(name.held) else {
                let known = Preset.all.map(\.name).joined(separator: ", ")
                throw CurfewError(.usage, "there is no preset “\(name)”: expected one of \(known)")
            }
            uses = [(preset, [:])]
        } else {
            let configuration = try options.configuration()
            uses = configuration.presets.compactMap { name, parameters in
                Preset.named(name).map { ($0, parameters) }
            }
            guard !uses.isEmpty else {
                let known = Preset.all.map(\.name).joined(separator: ", ")
                throw CurfewError(
                    .usage, "\(options.wholePath) names no preset: “curfew config show NAME” prints one of \(known)")
            }
        }
        guard !options.json else {
            try Output.json(uses.map { answer($0.preset, $0.parameters) })
            return
        }
        var isFirst = true
        for (preset, parameters) in uses {
            let (head, cleanups) = preset.written(parameters)
            if !isFirst { Output.line() }
            Output.line(head.trimmedLines)
            for parameter in preset.parameters {
                let value = parameters[parameter.name] ?? parameter.usual
                Output.line("# \(parameter.name): \(value) (\(parameter.meaning))".printable)
            }
            if isFirst { Output.line("cleanups:") }
            Output.line(cleanups.trimmedLines)
            isFirst = false
        }
    }

    private func answer(_ preset: Preset, _ parameters: [String: String]) -> Answer {
        Answer(
            preset: preset.name,
            parameters: preset.parameters.map {
                .init(name: $0.name, value: parameters[$0.name] ?? $0.usual, meaning: $0.meaning)
            },
            cleanups: "cleanups:\n" + preset.written(parameters).cleanups)
    }
}

extension String {
    /// Without empty lines at the end; each line as it can be printed.
    fileprivate var trimmedLines: String {
        var lines = split(separator: "\n", omittingEmptySubsequences: false)
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String($0).printable }.joined(separator: "\n")
    }
}

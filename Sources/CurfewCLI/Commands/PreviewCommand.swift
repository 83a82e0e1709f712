internal import ArgumentParser
internal import Curfew
internal import Policies

/// `curfew preview [NAME]`: what would be done, and why.
struct PreviewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Shows what would be done, and why. Changes nothing, takes no lease.")

    @Argument(help: "The cleanup; all of them where it is left out.")
    var name: String?

    @Option(help: "Look as if it were that much later, as +2h.")
    var at: DurationArgument?

    @Option(help: "Show at most this many changes.")
    var limit: Int?

    @Option(help: "Use this timeout in place of the configured ones, as 10m.")
    var timeout: DurationArgument?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
        if let timeout, timeout.duration <= .zero { throw ValidationError("--timeout must be longer than nothing") }
    }

    func run() async throws {
        let results = try await options.withEngine { engine in
            let cleanups = try name.map { [try engine.cleanup(named: $0)] } ?? engine.configuration.cleanups
            var results: [RunResult] = []
            for cleanup in cleanups {
                results.append(
                    try await Preview(engine: engine).run(
                        cleanup, ahead: at?.duration ?? .zero, limit: limit, timeout: timeout?.duration))
            }
            return results
        }
        if options.json {
            if name != nil, let result = results.first {
                try Output.json(result.envelope)
            } else {
                try Output.json(results.map(\.envelope))
            }
        } else {
            for (number, result) in results.enumerated() {
                if number > 0 { Output.line() }
                ResultView.write(result)
            }
        }
        if results.contains(where: { $0.failed > 0 }) { throw ExitCode(Failure.Status.doneWithErrors.rawValue) }
    }
}

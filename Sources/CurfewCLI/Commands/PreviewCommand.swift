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

    @Option(help: "Write the changes to this file, as a plan for “curfew run NAME --plan FILE”.")
    var out: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
        if let timeout, timeout.duration <= .zero { throw ValidationError("--timeout must be longer than nothing") }
        if out != nil, name == nil { throw ValidationError("--out makes a plan of one cleanup: expected its name") }
        if out == "" { throw ValidationError("--out is empty: expected a file") }
        if out != nil, at != nil { throw ValidationError("--at can't go with --out: a plan is of what is due now") }
    }

    func run() async throws {
        let (results, isAnswered) = try await options.withEngine { engine in
            let cleanups = try name.map { [try engine.cleanup(named: $0)] } ?? engine.configuration.cleanups
            var results: [RunResult] = []
            var isAnswered = false
            for cleanup in cleanups {
                if let out {
                    let (result, place) = try await plan(cleanup, to: out, engine)
                    results.append(result)
                    isAnswered = place == .output
                    continue
                }
                let preview = Preview(engine: engine)
                do {
                    results.append(
                        try await preview.run(
                            cleanup, ahead: at?.duration ?? .zero, limit: limit, timeout: timeout?.duration))
                } catch let error as CurfewError where name == nil && [.server, .damaged].contains(error.code) {
                    // What is wrong with one says nothing of the others.
                    results.append(try await preview.failed(cleanup, error))
                }
            }
            return (results, isAnswered)
        }
        if isAnswered {
            // Whoever reads the plan there reads a plan and nothing else.
        } else if options.json {
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
        if results.contains(where: { $0.failed > 0 || !$0.isSuccess }) {
            throw ExitCode(Failure.Status.doneWithErrors.rawValue)
        }
    }

    private func plan(_ cleanup: Cleanup, to path: String, _ engine: Engine) async throws -> (RunResult, PlanFile.Place)
    {
        let (result, plan) = try await Preview(engine: engine).plan(cleanup, limit: limit, timeout: timeout?.duration)
        let place = try PlanFile.write(plan, to: path)
        guard place == .file else { return (result, place) }
        let count = plan.records.count
        let some = count == 1 ? "1 change" : "\(count) changes"
        let part = plan.total > count ? "the first \(count) of \(plan.total) changes" : some
        let note =
            "curfew: \(path) plans \(part); “curfew run \(cleanup.name) --plan \(path)” makes \(count == 1 ? "it" : "them")"
        Output.note(note.printable + "\n")
        return (result, place)
    }
}

internal import ArgumentParser
internal import Curfew
internal import Policies

/// `curfew preview [NAME]`: shows what a run would do, and why.
struct PreviewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Shows what a run would do and why. Changes nothing and takes no lease.")

    @Argument(help: "The cleanup. (default: all)", completion: Completion.cleanups)
    var name: String?

    @Option(help: "Preview as of a later time, for example +2h.", transform: DurationArgument.init(parsing:))
    var at: DurationArgument?

    @Option(help: "Show at most this many changes.")
    var limit: Int?

    @Option(
        help: "Use this timeout instead of the configured ones, for example 10m.",
        transform: DurationArgument.init(parsing:))
    var timeout: DurationArgument?

    @Option(help: "Write the changes to this file as a plan for “curfew run NAME --plan FILE”.")
    var out: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
        if let timeout, timeout.duration <= .zero { throw ValidationError("--timeout must be longer than 0") }
        if out != nil, name == nil { throw ValidationError("--out writes a plan for one cleanup: expected its name") }
        if out == "" { throw ValidationError("--out is empty: expected a file") }
        if out != nil, at != nil {
            throw ValidationError("--at can't be used with --out: a plan has only what is due now")
        }
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
                } catch let error as CurfewError where name == nil && [.server, .damaged, .policy].contains(error.code)
                {
                    // A problem with one cleanup doesn't affect the others.
                    results.append(try await preview.failed(cleanup, error))
                }
            }
            return (results, isAnswered)
        }
        if isAnswered {
            // Standard output then contains the plan and nothing else.
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
            "curfew: \(path) plans \(part); "
            + "“curfew run \(cleanup.name) --plan \(path)” runs \(count == 1 ? "it" : "them")"
        Output.note(note.printable + "\n")
        return (result, place)
    }
}

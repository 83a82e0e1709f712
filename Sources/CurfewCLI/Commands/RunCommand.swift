internal import ArgumentParser
internal import Curfew
internal import Policies

/// `curfew run NAME`: one run now, under the lease.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs one cleanup now, under its lease.")

    @Argument(help: "The cleanup.")
    var name: String

    @Flag(help: "Only look; change nothing.")
    var dryRun = false

    @Option(help: "Change at most this many records.")
    var limit: Int?

    @Option(help: "Use this timeout in place of the configured ones, as 10m.")
    var timeout: DurationArgument?

    @Flag(help: "Wait where another instance holds the lease, instead of giving up.")
    var wait = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
        if let timeout, timeout.duration <= .zero { throw ValidationError("--timeout must be longer than nothing") }
    }

    func run() async throws {
        let (result, failure) = try await options.withEngine { engine in
            let cleanup = try engine.cleanup(named: name)
            let run = try await claim(cleanup, engine)
            return try await Interrupt.handled(by: run.control) {
                let result = try await Progress.shown(of: run.control) { await run.execute() }
                return (result, run.control.failure)
            }
        }
        if options.json { try Output.json(result.envelope) } else { ResultView.write(result) }
        if let failure, let status = Failure.status(of: failure) { throw ExitCode(status.rawValue) }
        guard result.status == .completed else { throw ExitCode(Failure.Status.doneWithErrors.rawValue) }
    }

    private func claim(_ cleanup: Cleanup, _ engine: Engine) async throws -> Run {
        while true {
            let answer = try await engine.coordinator.claim(
                cleanup, trigger: "manual", isDryRun: dryRun || cleanup.isDryRun)
            switch answer.outcome {
            case .claimed(let claim):
                return Run(
                    engine: engine, cleanup: cleanup, claim: claim, clock: answer.clock, limit: limit,
                    timeout: timeout?.duration)
            case .held(let holder, let run, let end):
                guard wait else {
                    throw CurfewError(
                        .held,
                        "\(cleanup.name) is being run by \(holder) (\(run)), whose lease lasts until \(end.iso8601) at least; --wait waits for it"
                    )
                }
                // Long enough not to press, short enough not to miss the end by much.
                try await Task.sleep(for: min(.milliseconds(500), engine.coordinator.lease / 4))
            case .paused(let text):
                let pause = Operations.Pause(text: text)
                throw CurfewError(
                    .paused,
                    "\(cleanup.name) was paused by \(pause.by) at \(pause.at): \(pause.why). “curfew resume \(cleanup.name)” lets it run"
                )
            case .nothing:
                throw CurfewError(.damaged, "the claim of \(cleanup.name) was not answered")
            }
        }
    }
}

internal import ArgumentParser
internal import Curfew
internal import Policies

/// `curfew run NAME`: runs a cleanup once, now, under its lease.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs one cleanup now, under its lease.")

    @Argument(help: "The cleanup.")
    var name: String

    @Flag(help: "Dry run: change nothing.")
    var dryRun = false

    @Option(help: "Change at most this many records.")
    var limit: Int?

    @Option(help: "Use this timeout instead of the configured ones, for example 10m.")
    var timeout: DurationArgument?

    @Flag(help: "If another instance holds the lease, wait for it.")
    var wait = false

    @Option(help: "Execute this plan and nothing else: a file written by “curfew preview NAME --out FILE”.")
    var plan: String?

    @Flag(help: "Override the cleanup's guard. Recorded with your name.")
    var overrideGuard = false

    @Flag(help: "Keep no copy of removed records, so that their memory is freed at once. Undo can't restore them.")
    var noTrash = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
        if let timeout, timeout.duration <= .zero { throw ValidationError("--timeout must be longer than 0") }
        if plan != nil, timeout != nil {
            throw ValidationError("--timeout can't be used with --plan: a plan has its own")
        }
    }

    func run() async throws {
        let (result, failure, ping) = try await options.withEngine { engine in
            let cleanup = try engine.cleanup(named: name)
            let plan = try plan.map { try PlanFile.read($0, for: cleanup) }
            let run = try await Control(engine: engine, person: Person.name).run(
                cleanup,
                Control.RunOptions(
                    dryRun: dryRun, limit: limit, timeout: timeout?.duration, overrideGuard: overrideGuard,
                    keepsTrash: !noTrash, plan: plan, waits: wait))
            return try await Interrupt.handled(by: run, engine.redis) {
                let result = try await Progress.shown(of: run.control) { await run.execute() }
                return (result, run.control.failure, Ping(of: cleanup, logger: engine.logger))
            }
        }
        if options.json { try Output.json(result.envelope) } else { ResultView.write(result) }
        if let failure, let status = Failure.status(of: failure) { throw ExitCode(status.rawValue) }
        guard result.status == .completed else { throw ExitCode(Failure.Status.doneWithErrors.rawValue) }
        await ping.send(after: result)
    }
}

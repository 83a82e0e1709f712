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

    @Option(help: "Do what this plan says and nothing else: a file of “curfew preview NAME --out FILE”.")
    var plan: String?

    @Flag(help: "Go through with what the cleanup's guard would refuse; it is noted who said so.")
    var overrideGuard = false

    @Flag(help: "Keep nothing of what is removed, so that its memory is free at once; undo can't bring it back.")
    var noTrash = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
        if let timeout, timeout.duration <= .zero { throw ValidationError("--timeout must be longer than nothing") }
        if plan != nil, timeout != nil { throw ValidationError("--timeout can't go with --plan: a plan has its own") }
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
            return try await Interrupt.handled(by: run.control) {
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

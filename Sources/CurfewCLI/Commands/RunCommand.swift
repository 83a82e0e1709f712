internal import ArgumentParser
internal import Curfew
internal import Policies
internal import RedisClient

/// `curfew run NAME …`: runs cleanups once, now, each under its lease.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs one or more cleanups now, each under its lease.",
        discussion: """
            Several cleanups run one after the other; if one fails or can't be run, the others still run. Then 1 means \
            that a run had errors, and 4 that every run succeeded, but a cleanup was not run because another instance \
            holds its lease or it is paused.
            """)

    @Argument(
        help: ArgumentHelp("The cleanups, in the order in which they run.", valueName: "name"),
        completion: Completion.cleanups)
    var names: [String] = []

    @Option(help: "Run the cleanups behind this name of “routes”.", completion: Completion.routes)
    var route: String?

    @Flag(help: "Run every cleanup that is enabled, in the order of the file.")
    var all = false

    @Flag(help: "Dry run: change nothing.")
    var dryRun = false

    @Option(help: "Change at most this many records of each cleanup.")
    var limit: Int?

    @Option(
        help: "Use this timeout instead of the configured ones, for example 10m.",
        transform: DurationArgument.init(parsing:))
    var timeout: DurationArgument?

    @Flag(help: "If another instance holds the lease, wait for it.")
    var wait = false

    @Option(
        help: "Execute this plan and nothing else: a file written by “curfew preview NAME --out FILE”.",
        completion: .file())
    var plan: String?

    @Flag(help: "Override the cleanup's guard. Recorded with your name.")
    var overrideGuard = false

    @Flag(help: "Keep no copy of removed records, so that their memory is freed at once. Undo can't restore them.")
    var noTrash = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        let ways = [!names.isEmpty, route != nil, all].count { $0 }
        if ways == 0 {
            throw ValidationError(
                "Missing expected argument '<name>': expected one or more cleanups, --route NAME or --all")
        }
        if ways > 1 { throw ValidationError("expected either names of cleanups, or --route, or --all") }
        for (place, name) in names.enumerated() where names[..<place].contains(name) {
            throw ValidationError("“\(name.printable)” is given twice: expected each cleanup once")
        }
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
        if let timeout, timeout.duration <= .zero { throw ValidationError("--timeout must be longer than 0") }
        if plan != nil, timeout != nil {
            throw ValidationError("--timeout can't be used with --plan: a plan has its own")
        }
        if plan != nil, names.count != 1 {
            throw ValidationError("--plan is a plan for one cleanup: expected its name alone")
        }
    }

    func run() async throws {
        if names.count == 1 { try await runOne(names[0]) } else { try await runGroup() }
    }

    private func settings(plan: Plan? = nil) -> Control.RunOptions {
        Control.RunOptions(
            dryRun: dryRun, limit: limit, timeout: timeout?.duration, overrideGuard: overrideGuard,
            keepsTrash: !noTrash, plan: plan, waits: wait)
    }

    private func runOne(_ name: String) async throws {
        let (result, failure, ping) = try await options.withEngine(logsAsConfigured: true) { engine in
            let cleanup = try engine.cleanup(named: name)
            let plan = try plan.map { try PlanFile.read($0, for: cleanup) }
            let run = try await Control(engine: engine, person: Person.name).run(cleanup, settings(plan: plan))
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

    private func runGroup() async throws {
        let (group, pings) = try await options.withEngine(logsAsConfigured: true) { engine in
            let cleanups = try chosen(engine)
            let view = GroupView(isSilent: options.json)
            var running = GroupRun(engine: engine, settings: settings(), view: view)
            let began = ContinuousClock.now
            let group = try await running.run(cleanups)
            await group.measure(engine, type: route ?? "", trigger: "manual", duration: began.duration(to: .now))
            if options.json { try Output.json(group.summary) } else { view.write(group) }
            return (group, running.pings)
        }
        await withTaskGroup(of: Void.self) { tasks in
            for (ping, result) in pings { tasks.addTask { await ping.send(after: result) } }
        }
        if let status = Failure.status(of: group) { throw ExitCode(status.rawValue) }
    }

    /// The cleanups that are meant; throws an error that names every unknown one before anything runs.
    private func chosen(_ engine: Engine) throws -> [Cleanup] {
        let configuration = engine.configuration
        if all { return configuration.cleanups.filter(\.isEnabled) }
        if let route {
            guard let cleanups = configuration.cleanups(behind: route) else {
                let known = configuration.routeNames.joined(separator: ", ")
                throw CurfewError(.usage, "there is no route “\(route)”: expected one of \(known)")
            }
            return cleanups
        }
        let unknown = names.filter { configuration.cleanup(named: $0) == nil }
        guard unknown.isEmpty else { throw engine.unknown(cleanups: unknown) }
        return names.compactMap(configuration.cleanup(named:))
    }
}

/// Runs of several cleanups by one command.
private struct GroupRun {
    let engine: Engine
    let settings: Control.RunOptions
    let view: GroupView
    /// Those of the runs that have ended, for the end of the command: they may take seconds.
    private(set) var pings: [(Ping, RunResult)] = []
    private var isStopped = false

    init(engine: Engine, settings: Control.RunOptions, view: GroupView) {
        (self.engine, self.settings, self.view) = (engine, settings, view)
    }

    /// A signal came before a cleanup was claimed.
    private struct Stopped: Error, CustomStringConvertible {
        let description = "a signal ended the command"
    }

    /// Runs the cleanups one after the other.
    ///
    /// A signal stops the current run after its page, and the rest isn't run.
    mutating func run(_ cleanups: [Cleanup]) async throws -> GroupOfRuns {
        var group = GroupOfRuns()
        for (place, cleanup) in cleanups.enumerated() {
            let before = group.results.count
            var failure: (any Error)?
            await group.add(cleanup) {
                let label = "\(cleanup.name) (\(place + 1) of \(cleanups.count))  "
                let (result, cause) = try await execute(cleanup, label)
                failure = cause
                return result
            }
            if let failure { group.note(failure: failure) }
            if group.results.count > before, let result = group.results.last {
                view.ended(result)
                pings.append((Ping(of: cleanup, logger: engine.logger), result))
            } else {
                view.leftOut(group)
            }
        }
        if isStopped { pings = [] }
        return group
    }

    /// Claims and runs one; also answers the error that ended it, if that wasn't a record's.
    private mutating func execute(_ cleanup: Cleanup, _ label: String) async throws -> (RunResult, CurfewError?) {
        guard !isStopped else { throw Stopped() }
        let (control, settings) = (Control(engine: engine, person: Person.name), settings)
        // While it waits for the lease, a signal must not take the results of the others along.
        guard let run = try await Interrupt.cancelling({ try await control.run(cleanup, settings) }) else {
            isStopped = true
            throw Stopped()
        }
        view.began(run)
        let result = try await Interrupt.handled(by: run, engine.redis) {
            try await Progress.shown(of: run.control, label: label) { await run.execute() }
        }
        isStopped = run.control.stopReason() == Interrupt.reason
        return (result, run.control.failure)
    }
}

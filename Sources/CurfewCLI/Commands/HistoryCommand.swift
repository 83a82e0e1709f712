internal import ArgumentParser
internal import Curfew

/// `curfew history [NAME]`: lists runs and how they ended.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Lists ended runs, newest first.")

    @Argument(help: "The cleanup. (default: all)")
    var name: String?

    @Option(help: "Show at most this many.")
    var limit = 20

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        try EntryLimit.check(limit)
    }

    func run() async throws {
        let (runs, isKnown) = try await options.withEngine { engine in
            let runs = try await History(engine: engine).last(limit, of: engine.keys.runs) { entry in
                name.map { entry["cleanup"] == $0 } ?? true
            }
            return (runs, name.map { engine.configuration.cleanup(named: $0) != nil } ?? true)
        }
        if options.json {
            try Output.json(runs.map(\.object))
        } else {
            for line in EntryView.lines(runs: runs) { Output.line(line) }
        }
        if runs.isEmpty, !isKnown, let name {
            Output.note("curfew: the configuration has no cleanup “\(name.printable)”\n")
        }
    }
}

/// `curfew events`: lists single changes, each with its reason.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Lists single changes, newest first.")

    @Option(name: .customLong("run"), help: "Only the changes of this run, for example stuck-jobs-41.")
    var runName: String?

    @Option(help: "Show at most this many.")
    var limit = 50

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        try EntryLimit.check(limit)
    }

    func run() async throws {
        let events = try await options.withEngine { engine in
            try await History(engine: engine).last(limit, of: engine.keys.events) { entry in
                runName.map { entry["run"] == $0 } ?? true
            }
        }
        if options.json { try Output.json(events.map(\.object)) } else { EntryView.write(events: events) }
    }
}

/// The valid range of `--limit`, for every command that lists entries.
enum EntryLimit {
    /// Throws if the limit would list nothing.
    static func check(_ limit: Int) throws {
        if limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
    }
}

internal import ArgumentParser
internal import Curfew
internal import Policies

/// `curfew events`: lists single changes, each with its reason.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Lists single changes, newest first.",
        discussion: "Several options together list what fits all of them.")

    @Option(
        name: .customLong("run"), help: "Only the changes of this run, for example stuck-jobs-41.",
        completion: Completion.runs)
    var runName: String?

    @Option(help: "Only the changes by this cleanup.", completion: Completion.cleanups)
    var cleanup: String?

    @Option(help: "Only the changes of this record, by its id.")
    var record: String?

    @Option(help: "Only this action, for example fail; may be given several times.")
    var action: [String] = []

    @Flag(help: "Only the errors of records: the same as --action error.")
    var errors = false

    @Option(help: "Only changes since then: 2h for two hours ago, or 2026-11-29T14:00:00Z.")
    var since: MomentArgument?

    @Option(help: "Show at most this many.")
    var limit = 50

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        try EntryLimit.check(limit)
        let known = Event.actions
        for word in action where !known.contains(word) {
            throw ValidationError(
                "--action: unknown action “\(word.printable)”, expected one of \(known.joined(separator: ", "))")
        }
        if errors, action.contains(where: { $0 != Change.errorAction }) {
            throw ValidationError("--errors is the action “error”: expected no other --action")
        }
    }

    func run() async throws {
        let found = try await options.withEngine { engine in
            let found = try await History(engine: engine).search(
                limit, of: engine.keys.events, from: try await since.oldest(engine), where: fits)
            if found.entries.isEmpty { try await checkNames(engine) }
            return found
        }
        if options.json {
            try Output.json(found.entries.map(TypedEntry.init))
        } else {
            EntryView.write(events: found.entries)
        }
        EntryLimit.remark(on: found)
    }

    private func fits(_ entry: StreamEntry) -> Bool {
        let actions = errors ? [Change.errorAction] : action
        return (runName.map { entry["run"] == $0 } ?? true)
            && (cleanup.map { entry["cleanup"] == $0 } ?? true)
            && (record.map { entry["record"] == $0 } ?? true)
            && (actions.isEmpty || actions.contains(entry["action"] ?? ""))
    }

    /// Throws if one of the names means nothing.
    private func checkNames(_ engine: Engine) async throws {
        if let cleanup { try await Known.cleanup(cleanup, engine) }
        if let runName { try await Known.run(runName, engine) }
        if let record { try await Known.record(record, cleanup, engine) }
    }
}

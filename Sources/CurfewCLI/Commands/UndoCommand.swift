internal import ArgumentParser
internal import Curfew
internal import Policies

/// `curfew undo RUN`: reverts the changes of a run, for records that have not changed since.
struct UndoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo", abstract: "Undoes the changes of a run, record by record.",
        discussion: """
            A record that has changed since the run is left unchanged and reported. Refunds are taken back by a second \
            ledger entry, even if the balance falls below zero. Objects deleted from storage can't be restored.
            """)

    @Argument(help: "The run, for example stuck-jobs-41.", completion: Completion.runs)
    var run: String

    @Option(help: "Undo only the change of this record, by its id.")
    var record: String?

    @Flag(help: "If another instance holds the lease, wait for it.")
    var wait = false

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let (result, failure, remark) = try await options.withEngine { engine in
            let undo = try await Undo.find(run, record: record, engine)
            let execution = try await Control(engine: engine, person: Person.name).undo(undo, waits: wait)
            let result = try await Interrupt.handled(by: execution, engine.redis) {
                try await Progress.shown(of: execution.control) { await execution.execute() }
            }
            // If Redis no longer answers, it isn't asked.
            let isReachable = execution.control.failure == nil
            let remark = isReachable ? try await hint(after: result, undo.cleanup, engine) : nil
            return (result, execution.control.failure, remark)
        }
        if options.json { try Output.json(result.envelope) } else { ResultView.write(result) }
        if let remark { Output.note("curfew: \(remark.printable)\n") }
        if let failure, let status = Failure.status(of: failure) { throw ExitCode(status.rawValue) }
        guard result.status == .completed else { throw ExitCode(Failure.Status.doneWithErrors.rawValue) }
    }

    /// A remark on records that are restored: the cleanup finds them again unless it is paused.
    private func hint(after result: RunResult, _ cleanup: Cleanup, _ engine: Engine) async throws -> String? {
        guard result.cleanedUp > 0, cleanup.isEnabled else { return nil }
        let status = try await Status.read(engine).cleanups.first { $0.name == cleanup.name }
        guard let status, status.paused == nil else { return nil }
        let due = status.due.map { ", due \($0)," } ?? ""
        return
            "the next run of \(cleanup.name)\(due) will make these changes again "
            + "unless you first run “curfew pause \(cleanup.name) --why …”"
    }
}

internal import ArgumentParser
internal import Curfew
internal import Policies

/// `curfew undo RUN`: puts back what a run did, where the records still are as it left them.
struct UndoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo", abstract: "Puts back what a run did, record by record.",
        discussion: """
            A record that has changed since is left, and said so. Refunds are taken back by a second entry in the ledger, \
            even where the balance then is below zero. Objects deleted from storage can't be undone.
            """)

    @Argument(help: "The run, as stuck-jobs-41.")
    var run: String

    @Flag(help: "Wait where another instance holds the lease, instead of giving up.")
    var wait = false

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let (result, failure, remark) = try await options.withEngine { engine in
            let undo = try await Undo.find(run, engine)
            let execution = try await Control(engine: engine, person: Person.name).undo(undo, waits: wait)
            let result = try await Interrupt.handled(by: execution.control) {
                try await Progress.shown(of: execution.control) { await execution.execute() }
            }
            let remark = try await hint(after: result, undo.cleanup, engine)
            return (result, execution.control.failure, remark)
        }
        if options.json { try Output.json(result.envelope) } else { ResultView.write(result) }
        if let remark { Output.note("curfew: \(remark.printable)\n") }
        if let failure, let status = Failure.status(of: failure) { throw ExitCode(status.rawValue) }
        guard result.status == .completed else { throw ExitCode(Failure.Status.doneWithErrors.rawValue) }
    }

    /// What becomes of records that are as they were before: the cleanup finds them again, unless it is kept from it.
    private func hint(after result: RunResult, _ cleanup: Cleanup, _ engine: Engine) async throws -> String? {
        guard result.cleanedUp > 0, cleanup.isEnabled else { return nil }
        let status = try await Status.read(engine).cleanups.first { $0.name == cleanup.name }
        guard let status, status.paused == nil else { return nil }
        let due = status.due.map { ", due \($0)," } ?? ""
        return
            "the next run of \(cleanup.name)\(due) does it again, unless “curfew pause \(cleanup.name) --why …” comes first"
    }
}

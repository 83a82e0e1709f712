internal import ArgumentParser
internal import Curfew

/// `curfew explain NAME ID`: shows one record, its deadline, what would happen to it and why.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Explains one record: its state, its deadline, what would happen and why.")

    @Argument(help: "The cleanup.", completion: Completion.cleanups)
    var name: String

    @Argument(help: "The record's id.")
    var id: String

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let explanation = try await options.withEngine { engine in
            let explanation = try await Explanation.make(
                engine: engine, cleanup: try engine.cleanup(named: name), id: id)
            guard try await engine.has(explanation) else {
                throw CurfewError(
                    .usage,
                    "there is no record “\(id)”: expected the key \(explanation.key), or an entry in the index of \(name)"
                )
            }
            return explanation
        }
        if options.json { return try Output.json(explanation) }
        Output.line("\(Style.bold(explanation.key.printable))  under \(explanation.cleanup)")
        for (field, value) in explanation.fields.sorted(by: { $0.key < $1.key }) {
            Output.line("  \(field.printable.padded(to: 24))  \(value.printable)")
        }
        Output.line("in the index  \(explanation.indexedAt.map { "due \($0)" } ?? "no")")
        Output.line(
            "verdict       \(explanation.verdict)\(explanation.change.map { " (\($0.from) → \($0.to))" } ?? "")")
        Output.line("because       \(explanation.reason.printable)")
        for (place, effect) in (explanation.effects ?? []).enumerated() {
            Output.line("\(place == 0 ? "does" : "")".padded(to: 14) + effect.printable)
        }
        if let until = explanation.until { Output.line("next check    \(until)") }
    }
}

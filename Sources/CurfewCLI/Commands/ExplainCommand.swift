internal import ArgumentParser
internal import Curfew

/// `curfew explain [NAME] ID`: shows one record: what would happen to it and why, and what happened to it.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explains one record: its state, what would happen and why, and what happened.",
        usage:
            "curfew explain [<name>] <id> [--limit <limit>] [--config <config>] [--json] [--verbose] [--log-format <log-format>]",
        discussion: "Without a name it looks for the record in every cleanup. Instead of its id, its key may be given.")

    @Argument(help: "The cleanup. (default: all)", completion: Completion.cleanups)
    var name: String

    @Argument(help: "The record's id, or its key.")
    var id: String?

    @Option(help: "Show at most this many events.")
    var limit = 20

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        try EntryLimit.check(limit)
    }

    /// The answer with `--json`: with the name of a cleanup its explanation, and the events in any case.
    private struct Answer: Encodable {
        let explanation: Explanation?
        let history: RecordHistory

        private enum CodingKeys: String, CodingKey {
            case history
        }

        func encode(to encoder: any Encoder) throws {
            try explanation?.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(history, forKey: .history)
        }
    }

    func run() async throws {
        // A single word is the id.
        let cleanup = id == nil ? nil : name
        let id = id ?? name
        let history = try await options.withEngine { engine in
            let history = try await RecordHistory.read(id, cleanup: cleanup, limit: limit, engine)
            if history.isKnown { return history }
            throw try await unknown(id, cleanup, engine)
        }
        if options.json {
            guard cleanup != nil else { return try Output.json(history) }
            return try Output.json(Answer(explanation: history.now.first, history: history))
        }
        for explanation in history.now {
            write(explanation)
            Output.line()
        }
        if history.now.isEmpty { Output.line("the record doesn't exist\n") }
        EntryView.write(history: history)
    }

    /// The error for a record that nothing is known of: with the key that was looked for.
    private func unknown(_ id: String, _ cleanup: String?, _ engine: Engine) async throws -> CurfewError {
        let unknown = engine.unknown(record: id)
        guard let cleanup, let known = engine.configuration.cleanup(named: cleanup) else { return unknown }
        let key = try await Explanation.make(engine: engine, cleanup: known, id: id).key
        return CurfewError(
            .usage, "\(unknown.message); expected the key \(key), or an entry in the index of \(cleanup)")
    }

    private func write(_ explanation: Explanation) {
        Output.line("\(Style.bold(explanation.key.printable))  under \(explanation.cleanup)")
        for (field, value) in explanation.fields.sorted(by: { $0.key < $1.key }) {
            Output.line("  \(field.printable.padded(to: 24))  \(value.printable)")
        }
        Output.line("in the index  \(explanation.indexedAt.map { "due \($0)" } ?? "no")")
        Output.line("verdict       \(explanation.verdictWords.printable)")
        Output.line("because       \(explanation.reason.printable)")
        for (place, effect) in (explanation.effects ?? []).enumerated() {
            Output.line("\(place == 0 ? "effects" : "")".padded(to: 14) + effect.printable)
        }
        if let until = explanation.until { Output.line("next check    \(until)") }
    }
}

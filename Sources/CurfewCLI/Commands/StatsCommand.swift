internal import ArgumentParser
internal import Curfew

/// `curfew stats [NAME]`: counts a cleanup's records; for files, also orphans and bytes.
struct StatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Counts tracked and due records; for files, also orphans and bytes.")

    @Argument(help: "The cleanup. (default: all)", completion: Completion.cleanups)
    var name: String?

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let all = try await options.withEngine { engine in
            let cleanups = try name.map { [try engine.cleanup(named: $0)] } ?? engine.configuration.cleanups
            var all: [Statistics] = []
            for cleanup in cleanups {
                let control = RunControl(trust: nil, timeout: cleanup.runTimeout)
                // It changes nothing, so a signal may end it at any point.
                all.append(
                    try await Progress.shown(of: control) {
                        try await Statistics.read(engine, cleanup, control: control)
                    })
            }
            return all
        }
        if !options.json {
            StatsView.write(all)
        } else if name != nil, let only = all.first {
            try Output.json(only)
        } else {
            try Output.json(all)
        }
    }
}

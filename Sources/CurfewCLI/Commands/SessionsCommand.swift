internal import ArgumentParser
internal import Curfew

/// `curfew sessions …`: about those who are signed in to the dashboard.
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "Looks after those who are signed in to the dashboard.",
        subcommands: [SessionsEndCommand.self])
}

/// `curfew sessions end`: everybody must sign in again.
struct SessionsEndCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end", abstract: "Ends every session of the dashboard, on every instance.",
        discussion: """
            Whoever is signed in must sign in again, open pages end within two seconds, and forms must be loaded again. \
            Tokens stay what they are.
            """)

    @OptionGroup var options: GlobalOptions

    /// The answer with `--json`.
    private struct Answer: Encodable {
        var success: Bool
        var message: String
    }

    func run() async throws {
        try await options.withEngine { try await Sessions(engine: $0).endAll(by: Person.name) }
        let message = "every session is ended, on every instance: whoever was signed in must sign in again"
        if options.json { try Output.json(Answer(success: true, message: message)) } else { Output.line(message) }
    }
}

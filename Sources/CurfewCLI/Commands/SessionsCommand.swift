internal import ArgumentParser
internal import Curfew

/// `curfew sessions …`: commands for the dashboard's sign-in sessions.
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "Manages the dashboard's sign-in sessions.",
        subcommands: [SessionsEndCommand.self])
}

/// `curfew sessions end`: signs everybody out.
struct SessionsEndCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end", abstract: "Ends every dashboard session on every instance.",
        discussion: """
            Everybody who is signed in must sign in again. Open pages end within two seconds, and forms must be loaded \
            again. Tokens stay valid.
            """)

    @OptionGroup var options: GlobalOptions

    /// The answer with `--json`.
    private struct Answer: Encodable {
        var success: Bool
        var message: String
    }

    func run() async throws {
        try await options.withEngine { try await Sessions(engine: $0).endAll(by: Person.name) }
        let message = "every session is ended on every instance: everybody must sign in again"
        if options.json { try Output.json(Answer(success: true, message: message)) } else { Output.line(message) }
    }
}

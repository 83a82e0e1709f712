internal import ArgumentParser
internal import Curfew
internal import Glibc
internal import RedisClient

/// All commands, and what they share.
struct RootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "curfew",
        abstract: "Cleans up after stuck background work in Redis.",
        discussion: """
            Exit codes: 0 done · 1 done with errors · 2 wrong usage or configuration · 3 Redis or storage not \
            reachable · 4 someone else holds the lease.
            """,
        version: Version.text,
        subcommands: [
            WorkCommand.self, ServeCommand.self, RunCommand.self, PreviewCommand.self, ExplainCommand.self,
            StatusCommand.self,
            WatchCommand.self, HistoryCommand.self, EventsCommand.self, AlertsCommand.self, StatsCommand.self,
            PauseCommand.self, ResumeCommand.self, CancelCommand.self, UndoCommand.self, ForgetCommand.self,
            SessionsCommand.self,
            ConfigCommand.self, DiscoverCommand.self, DoctorCommand.self, HealthCommand.self, FunctionsCommand.self,
            DemoCommand.self,
        ]
    )

    /// The arguments, held as ``ByteText``: a record's id may contain any bytes.
    private static var arguments: [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { place in
            CommandLine.unsafeArgv[place].map { word in
                ByteText.held(UnsafeRawBufferPointer(start: word, count: strlen(word)))
            }
        }
    }

    /// Runs the command and turns every failure into an exit code and one clear message.
    static func runAsProgram() async {
        // The dispatch library would tell the system's log, and so the journal, of every thread that it can't give a higher
        // priority: for anybody but root, several with each command.
        setenv("LIBDISPATCH_LOG", "NO", 0)
        Output.prepare()
        Interrupt.listen()
        do {
            var command = try await asyncParseAsRoot(arguments)
            let kind = type(of: command)
            if !kind.configuration.subcommands.isEmpty, kind.configuration.defaultSubcommand == nil {
                // The command is incomplete: a script that stops here has a mistake in it.
                Output.note(helpMessage(for: kind) + "\n")
                Glibc.exit(Failure.Status.usage.rawValue)
            }
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Failure.exit(with: error)
        }
    }
}

internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import RedisClient

/// How a command ends if it can't do its work.
enum Failure {
    /// The exit codes, the same for every command.
    enum Status: Int32 {
        case doneWithErrors = 1
        case usage = 2
        case unreachable = 3
        case held = 4
    }

    /// Prints the error to standard error and ends the process.
    static func exit(with error: any Error) -> Never {
        if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
        guard let status = status(of: error) else {
            // Help, the version and wrong arguments belong to the parser, which exits with 64 for wrong usage.
            let code = RootCommand.exitCode(for: error)
            let text = RootCommand.fullMessage(for: error) + (code == .success ? "" : suggestion)
            let output = code == .success ? FileHandle.standardOutput : FileHandle.standardError
            if !text.isEmpty { Output.write(text + "\n", to: output) }
            Foundation.exit(code == .success ? 0 : Status.usage.rawValue)
        }
        // The lines are Curfew's own; values quoted in them may come from Redis or from the file.
        let lines = "\(error)\(advice(for: error))".split(separator: "\n", omittingEmptySubsequences: false).map {
            String($0).printable
        }
        Output.write("curfew: \(lines.joined(separator: "\n"))\n", to: .standardError)
        Foundation.exit(status.rawValue)
    }

    /// The command that was probably meant, if the first word is none.
    private static var suggestion: String {
        guard let word = CommandLine.arguments.dropFirst().first, !word.hasPrefix("-") else { return "" }
        let names = RootCommand.configuration.subcommands.map { $0._commandName }
        guard !names.contains(word), let guess = Spelling.nearest(to: word, among: names) else { return "" }
        return "\nDid you mean “curfew \(guess)”?"
    }

    /// The exit code of a Curfew error; nil for an error of the argument parser.
    static func status(of error: any Error) -> Status? {
        switch error {
        case is ConfigurationError: .usage
        case is ClaimRefusal: .held
        case is CancellationError: .doneWithErrors
        default: CurfewError(thrown: error).map { status(ofCode: $0.code) }
        }
    }

    /// The exit code of several runs; nil if all processed everything that they found.
    ///
    /// A server that isn't reachable comes first, then errors of runs. What somebody else runs or has paused comes last: it
    /// is no error of those that were run.
    static func status(of group: GroupOfRuns) -> Status? {
        let found = group.failures.compactMap(status(of:))
        if found.contains(.unreachable) { return .unreachable }
        let held = found.count { $0 == .held }
        let isDone = group.results.allSatisfy { $0.status == .completed } && held == found.count
        // Some were not run for another reason, for example a signal.
        guard isDone, held == group.refused.count else { return .doneWithErrors }
        return held == 0 ? nil : .held
    }

    private static func status(ofCode code: CurfewError.Code) -> Status {
        switch code {
        case .usage: .usage
        case .unreachable: .unreachable
        case .held, .paused: .held
        default: .doneWithErrors
        }
    }

    /// What the user can do about the error.
    private static func advice(for error: any Error) -> String {
        switch error as? ClaimRefusal {
        case .held: "; use --wait to wait for it"
        case .paused(let cleanup, _): "; run “curfew resume \(cleanup)” to resume it"
        case nil: ""
        }
    }
}

internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import RedisClient

/// The answer of a command that acts on all instances.
private struct OperationAnswer: Codable {
    var success: Bool
    var message: String
    var cleanup: String
    /// When the cleanup runs: ISO 8601.
    var due: String?
    /// How many scheduled times have passed.
    var missed: Int?
    /// The run that was asked to stop.
    var run: String?

    init(_ answer: Control.Answer, of cleanup: String) {
        success = answer.isDone
        message = answer.message + answer.remark
        self.cleanup = cleanup
        due = answer.due?.iso8601
        missed = answer.missed
        run = answer.stopped
    }

    /// Writes the answer, and exits with 1 if nothing could be done.
    func write(asJSON isJSON: Bool) throws {
        if isJSON {
            try Output.json(self)
        } else if success {
            Output.line(message.printable)
        } else {
            Output.note("curfew: \(message.printable)\n")
        }
        guard success else { throw ExitCode(Failure.Status.doneWithErrors.rawValue) }
    }
}

/// The person who gives an order; recorded with it for others to read.
enum Person {
    /// User and host.
    ///
    /// The user is the one that the system knows: environment variables can be set to anything.
    static var name: String { "\(user)@\(Instance.current.host)" }

    private static var user: String {
        let id = getuid()
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var room = [CChar](repeating: 0, count: 16_384)
        guard getpwuid_r(id, &entry, &room, room.count, &found) == 0, found != nil, let name = entry.pw_name else {
            return "uid \(id)"
        }
        return String(cString: name).held
    }
}

/// `curfew pause NAME --why TEXT`: no instance runs the cleanup until it is resumed.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Pauses a cleanup on every instance until it is resumed.")

    @Argument(help: "The cleanup.", completion: Completion.cleanups)
    var name: String

    @Option(help: "The reason; status and the dashboard show it.")
    var why: String

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if why.readable.allSatisfy(\.isWhitespace) { throw ValidationError("--why is empty: expected a reason") }
    }

    func run() async throws {
        let answer = try await options.withControl { try await $0.pause(name, why: why) }
        try OperationAnswer(answer, of: name).write(asJSON: options.json)
    }
}

/// `curfew resume NAME`: instances may run the cleanup again.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Lets a paused cleanup run again.")

    @Argument(help: "The cleanup.", completion: Completion.cleanups)
    var name: String

    @Flag(help: "Skip missed runs and wait for the next scheduled time.")
    var skip = false

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let answer = try await options.withControl { try await $0.resume(name, skip: skip) }
        try OperationAnswer(answer, of: name).write(asJSON: options.json)
    }
}

/// `curfew cancel NAME`: the current run stops after its page, on whichever instance it runs.
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Asks the current run to stop after its current page, on whichever instance it runs.")

    @Argument(help: "The cleanup.", completion: Completion.cleanups)
    var name: String

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let answer = try await options.withControl { try await $0.cancel(name) }
        try OperationAnswer(answer, of: name).write(asJSON: options.json)
    }
}

/// `curfew forget NAME`: a cleanup that no file has any more goes off the schedule.
struct ForgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget", abstract: "Takes a cleanup that no file has any more off the schedule.",
        discussion: """
            Also removes its pause and the index that Curfew kept for it. Refused while a living instance has the \
            cleanup, or while it runs. Its history and its events stay.
            """)

    @Argument(help: "The cleanup.", completion: Completion.forgettable)
    var name: String

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let answer = try await options.withControl { try await $0.forget(name) }
        try OperationAnswer(answer, of: name).write(asJSON: options.json)
    }
}

extension GlobalOptions {
    /// Runs a body with the operations that the person at the terminal may request.
    fileprivate func withControl<Value: Sendable>(
        _ body: (Control) async throws -> Value
    ) async throws -> Value {
        try await withEngine { try await body(Control(engine: $0, person: Person.name)) }
    }
}

internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import RedisClient

/// What a command that acts on all instances answers.
private struct OperationAnswer: Codable {
    var success: Bool
    var message: String
    var cleanup: String
    /// When it runs: ISO 8601.
    var due: String?
    /// How many of its times have passed.
    var missed: Int?

    init(_ answer: Control.Answer, of cleanup: String) {
        success = answer.isDone
        message = answer.message + answer.remark
        self.cleanup = cleanup
        due = answer.due?.iso8601
        missed = answer.missed
    }

    /// Writes it, and ends with 1 where nothing could be done.
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

/// Who gives an order: what others read as the reason for what they see.
enum Person {
    /// User and host: the user as the system knows it, and not as the environment says, which anybody may set.
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

/// `curfew pause NAME --why TEXT`: no instance runs it until it is resumed.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Keeps a cleanup from being run, on every instance, until it is resumed.")

    @Argument(help: "The cleanup.")
    var name: String

    @Option(help: "Why, for everybody who asks.")
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

/// `curfew resume NAME`: instances may run it again.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Lets a paused cleanup run again.")

    @Argument(help: "The cleanup.")
    var name: String

    @Flag(help: "Leave what was missed, and wait for its next time.")
    var skip = false

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let answer = try await options.withControl { try await $0.resume(name, skip: skip) }
        try OperationAnswer(answer, of: name).write(asJSON: options.json)
    }
}

/// `curfew cancel NAME`: the run under way stops after its page, whoever runs it.
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Asks the run under way to stop after the page in hand, wherever it runs.")

    @Argument(help: "The cleanup.")
    var name: String

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let answer = try await options.withControl { try await $0.cancel(name) }
        try OperationAnswer(answer, of: name).write(asJSON: options.json)
    }
}

extension GlobalOptions {
    /// Runs a body with what the person at the terminal may ask for.
    fileprivate func withControl<Value: Sendable>(
        _ body: (Control) async throws -> Value
    ) async throws -> Value {
        try await withEngine { try await body(Control(engine: $0, person: Person.name)) }
    }
}

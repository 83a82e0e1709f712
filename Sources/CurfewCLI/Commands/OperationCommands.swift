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
        let message = try await options.withEngine { engine in
            let keys = engine.keys
            let replies = try await engine.redis.pipeline([
                RedisCommand("ZSCORE", [keys.schedule, name]), RedisCommand("HGET", [keys.paused, name]),
                RedisCommand("HGET", [keys.lease(name), "run"]),
            ])
            // One that is only on the schedule is another instance's: it may be paused all the same.
            if replies[0].string == nil { _ = try engine.cleanup(named: name) }
            try await Operations(engine: engine).pause(name, by: Person.name, why: why)
            var message = "\(name) is paused on every instance"
            if let text = replies[1].string {
                let earlier = CleanupPause(text: text)
                message += " (it was before, by \(earlier.by): \(earlier.why))"
            }
            if let run = replies[2].string {
                message += "; \(run), under way, goes on to its end unless “curfew cancel \(name)” stops it"
            }
            return message
        }
        try OperationAnswer(success: true, message: message, cleanup: name).write(asJSON: options.json)
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
        let resumption = try await options.withEngine { engine in
            let resumption = try await Operations(engine: engine).resume(name, by: Person.name, skip: skip)
            if !resumption.isDone { _ = try engine.cleanup(named: name) }
            return resumption
        }
        try OperationAnswer(
            success: resumption.isDone, message: resumption.message, cleanup: name,
            due: resumption.isDone ? resumption.due?.iso8601 : nil,
            missed: resumption.isDone ? resumption.missed : nil
        ).write(asJSON: options.json)
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
        let run = try await options.withEngine { engine in
            if let run = try await Operations(engine: engine).cancel(name, by: Person.name) { return String?(run) }
            _ = try engine.cleanup(named: name)
            return nil
        }
        let message =
            run.map { "\($0) is asked to stop; what it has not done is left to the next run" }
            ?? "\(name) is not running"
        try OperationAnswer(success: run != nil, message: message, cleanup: name).write(asJSON: options.json)
    }
}

internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import Logging
internal import Policies
internal import RedisClient

/// The options that every command takes, and the engine that they lead to.
struct GlobalOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "The configuration file. (default: $CURFEW_CONFIG, or curfew.yaml)")
    var config: String?

    @Flag(help: "Answer in JSON.")
    var json = false

    @Flag(name: [.short, .long], help: "Log more.")
    var verbose = false

    /// Where the configuration is.
    var path: String {
        config?.readable ?? ProcessInfo.processInfo.environment["CURFEW_CONFIG"] ?? "curfew.yaml"
    }

    /// Whether nobody named the file: it is the one that happens to lie in the working directory.
    private var isFound: Bool {
        config == nil && ProcessInfo.processInfo.environment["CURFEW_CONFIG"] == nil
    }

    /// The file that is read, from the root of the file system on.
    var wholePath: String { URL(fileURLWithPath: path).path }

    /// The configuration, or every problem with it.
    ///
    /// - Parameter level: the log from which on it is said which file was read.
    func configuration(_ level: Logger.Level = .error) throws -> Configuration {
        // Before it is used: where its secrets go is what the file says, whoever put it there.
        if isFound, FileManager.default.fileExists(atPath: path) {
            try FileHandle.standardError.write(
                contentsOf: Data("curfew: reads \(wholePath), found in the working directory".printable.utf8 + [0x0A]))
        }
        let configuration = try Configuration.load(
            path: path, environment: ProcessInfo.processInfo.environment, isFound: isFound)
        let facts: Logger.Metadata = ["file": "\(wholePath)", "config": "\(configuration.fingerprint)"]
        logger(level).info("configuration read", metadata: facts)
        return configuration
    }

    /// Logs to standard error: what a command answers is on standard output alone.
    func logger(_ level: Logger.Level) -> Logger {
        var logger = Logger(label: "curfew") { StreamLogHandler(label: $0, stream: ErrorStream()) }
        logger.logLevel = verbose ? .debug : level
        return logger
    }

    /// Runs a body with an engine that is connected as the configuration says.
    func withEngine<Value: Sendable>(_ body: (Engine) async throws -> Value) async throws -> Value {
        let configuration = try configuration()
        let logger = logger(.error)
        return try await RedisClient.withClient(configuration.redis, logger: logger) { redis in
            try await body(Engine(configuration: configuration, redis: redis, logger: logger))
        }
    }
}

/// Standard error for the log: what is held in a line as `ByteText` says is made readable as it is written, and a line stays
/// one, whatever is quoted in it.
private struct ErrorStream: TextOutputStream, Sendable {
    mutating func write(_ text: String) {
        let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
        do {
            try FileHandle.standardError.write(contentsOf: Data((line.printable + "\n").utf8))
        } catch {
            // Nobody reads the log any more, and the work goes on.
            return
        }
    }
}

/// A duration as an argument: `10m`, `+2h`.
struct DurationArgument: ExpressibleByArgument, Sendable {
    let duration: Duration

    init?(argument: String) {
        let text = argument.hasPrefix("+") ? String(argument.dropFirst()) : argument
        guard let duration = Duration(text: text) else { return nil }
        self.duration = duration
    }
}

internal import Admin
internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import Logging
internal import Policies
internal import RedisClient

/// The options of every command, and the engine they configure.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: [.short, .long], help: "The configuration file. (default: $CURFEW_CONFIG, or curfew.yaml)",
        completion: .file())
    var config: String?

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(name: [.short, .long], help: "Log more.")
    var verbose = false

    @Option(help: "The form of log lines: text or json. (default: “log.format” of the file, or text)")
    var logFormat: LogSettings.Format?

    /// The path of the configuration file.
    var path: String {
        config?.readable ?? ProcessInfo.processInfo.environment["CURFEW_CONFIG"] ?? "curfew.yaml"
    }

    /// Whether the file was not named: it is the one that happens to be in the working directory.
    private var isFound: Bool {
        config == nil && ProcessInfo.processInfo.environment["CURFEW_CONFIG"] == nil
    }

    /// The absolute path of the file.
    var wholePath: String { URL(fileURLWithPath: path).path }

    /// The configuration; throws every problem with it.
    ///
    /// - Parameter level: the lowest log level; at `info` the log names the file.
    func configuration(_ level: Logger.Level = .error) throws -> Configuration {
        // Printed before the file is used: the file decides where its secrets are sent, and anyone may have put it
        // there.
        if isFound, FileManager.default.fileExists(atPath: path) { noteFound() }
        let configuration = try Configuration.load(
            path: path, environment: ProcessInfo.processInfo.environment, isFound: isFound,
            policies: CurfewCommand.policies)
        let facts: Logger.Metadata = ["file": "\(wholePath)", "config": "\(configuration.fingerprint)"]
        var settings = configuration.log
        if level > .info { settings.level = nil }
        logger(level, settings).info("configuration read", metadata: facts)
        return configuration
    }

    /// Says which file is used, before it is read: a line of the log if JSON is asked for.
    private func noteFound() {
        if logFormat == .json {
            logger(.info).notice("using a file of the working directory", metadata: ["file": "\(wholePath)"])
        } else {
            Output.note("curfew: using \(wholePath) from the working directory".printable + "\n")
        }
    }

    /// Logs to standard error: standard output contains the answer only.
    ///
    /// - Parameters:
    /// - level: the lowest level, unless the file has one.
    /// - settings: the section `log` of the file, where the command follows it.
    func logger(_ level: Logger.Level, _ settings: LogSettings = LogSettings()) -> Logger {
        var logger = Logger(label: "curfew") { label in
            switch logFormat ?? settings.format {
            case .text: StreamLogHandler(label: label, stream: ErrorStream())
            case .json: JSONLogHandler()
            }
        }
        let own = settings.level.flatMap { Logger.Level(rawValue: $0.rawValue) }
        logger.logLevel = verbose ? min(.debug, own ?? level) : own ?? level
        return logger
    }

    /// Runs a body with an engine that is connected as configured.
    ///
    /// - Parameter logsAsConfigured: whether the level of the file and its `otel` apply: a command that does a worker's
    ///   work.
    func withEngine<Value: Sendable>(
        logsAsConfigured: Bool = false, _ body: (Engine) async throws -> Value
    ) async throws -> Value {
        let configuration = try configuration()
        var settings = configuration.log
        if !logsAsConfigured { settings.level = nil }
        let logger = logger(.error, settings)
        return try await RedisClient.withClient(configuration.redis, logger: logger) { redis in
            guard logsAsConfigured, let settings = configuration.telemetry else {
                return try await body(Engine(configuration: configuration, redis: redis, logger: logger))
            }
            let queue = TelemetryQueue()
            let engine = Engine(
                configuration: configuration, redis: redis, logger: logger, instruments: queue.instruments)
            let telemetry = TelemetryService(settings, queue, source: EngineSource(engine), logger: logger)
            return try await telemetry.during { try await body(engine) }
        }
    }
}

/// Standard error for the log.
///
/// ``ByteText`` is decoded when a line is written, and a line stays one line, whatever it quotes.
private struct ErrorStream: TextOutputStream, Sendable {
    mutating func write(_ text: String) {
        let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
        do {
            try FileHandle.standardError.write(contentsOf: Data((line.printable + "\n").utf8))
        } catch {
            // If the log can't be written, the work continues.
            return
        }
    }
}

extension LogSettings.Format: ExpressibleByArgument {}

/// A duration as an argument, for example `10m` or `+2h`.
struct DurationArgument: CustomStringConvertible, Sendable {
    let duration: Duration

    /// Parses a duration; the error says what is expected.
    init(parsing argument: String) throws {
        let text = argument.hasPrefix("+") ? String(argument.dropFirst()) : argument
        guard let duration = Duration(text: text) else {
            let hint =
                Double(text) == nil || text.hasPrefix("-")
                ? "expected a duration like 30s, 10m or 2h"
                : "it has no unit, write \(text)s, \(text)m or \(text)h"
            throw ValidationError(hint)
        }
        self.duration = duration
    }

    /// The duration as it is typed, for the help.
    var description: String { duration.text }
}

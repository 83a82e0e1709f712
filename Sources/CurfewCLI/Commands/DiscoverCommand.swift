internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import Logging
internal import RedisClient

/// `curfew discover`: proposes a configuration from live keys.
struct DiscoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discover",
        abstract: "Looks at the keys in Redis and proposes a configuration. Only reads, slowly.",
        discussion: """
            Prints a file for curfew.yaml with the evidence and the doubts as comments. Values are read of a sample only, \
            and shown shortened. Every proposed cleanup is a dry run.
            """)

    @Option(help: "The Redis. (default: that of the configuration file, or redis://127.0.0.1:6379)")
    var redis: String?

    @Option(help: "Look only at keys that match this pattern of Redis, for example “shop:*”.")
    var match: String?

    @Option(help: "Look at this many keys at most.")
    var limit = 1_000_000

    @Option(name: [.short, .long], help: "Write to this file, which must not exist yet.", completion: .file())
    var output: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
        if output == "" { throw ValidationError("--output is empty: expected a file") }
    }

    func run() async throws {
        let place = try RedisPlace(redis: redis, options)
        if let output { try NewFile.check(output) }
        var scope = Discovery.Scope(match: match, limit: limit)
        scope.prefix = place.prefix ?? scope.prefix
        let finalScope = scope
        let proposal = try await RedisClient.withClient(place.configuration, logger: options.logger(.error)) { redis in
            let meter = Meter()
            defer { meter.clear() }
            var discovery = try await Discovery(redis, finalScope) { done, total in meter.show(done, total) }
            return try await discovery.run(for: place.lines)
        }
        if let output { try NewFile.write(proposal.text, to: output) }
        if options.json {
            try Output.json(proposal.answer)
        } else if output == nil {
            Output.write(proposal.text, to: .standardOutput)
        }
    }

    /// The progress on a terminal.
    private struct Meter: Sendable {
        func show(_ done: Int, _ total: Int) {
            guard Output.showsProgress, total > 0 else { return }
            Output.progress("\(min(100, done * 100 / total)) %, \(done) keys")
        }

        func clear() {
            if Output.showsProgress { Output.note("\r\u{1B}[K") }
        }
    }
}

/// Where Redis is for a command that needs no configuration: by its own option, by the file, or the usual place.
struct RedisPlace {
    static let usual = "redis://127.0.0.1:6379/0"

    let configuration: RedisConfiguration
    /// The lines of a file that say so.
    let lines: String
    /// The prefix of Curfew's own keys, if a file says it.
    var prefix: String?

    /// Finds it.
    ///
    /// A file that is named is read even if the address is given, since it also has the prefix of Curfew's own keys.
    init(redis: String?, _ options: GlobalOptions) throws {
        let isNamed = options.config != nil || ProcessInfo.processInfo.environment["CURFEW_CONFIG"] != nil
        let isThere = isNamed || (redis == nil && FileManager.default.fileExists(atPath: options.path))
        let file = isThere ? try options.configuration() : nil
        prefix = file?.prefix
        if let file, redis == nil {
            configuration = file.redis
            lines = try Self.lines(ofFile: options.path)
        } else {
            let url = (redis ?? Self.usual).readable
            do {
                configuration = try RedisConfiguration(url: url)
            } catch {
                throw ValidationError("--redis: \(error.message)")
            }
            lines = RedisLines.text(for: url)
        }
    }

    /// The lines of a file that say where Redis is, as they are written.
    private static func lines(ofFile path: String) throws -> String {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let found = text.split(separator: "\n").filter { $0.firstMatch(of: /^redis(-user|-password)?\s*:/) != nil }
        return found.isEmpty ? "redis: \(usual)" : found.joined(separator: "\n")
    }
}

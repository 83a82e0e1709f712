internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import Logging
internal import RedisClient

/// What a shell offers to complete a word: the names of the configuration that the line names, and the runs in Redis.
///
/// If the file can't be read or Redis doesn't answer, nothing is offered: a message would appear in the line.
enum Completion {
    /// The cleanups of the configuration.
    static let cleanups = CompletionKind.custom(cleanupNames)
    /// The names of `routes`, and those that exist by default.
    static let routes = CompletionKind.custom(routeNames)
    /// The last runs, newest first.
    static let runs = CompletionKind.custom(runNames)
    /// The cleanups that only the schedule has.
    static let forgettable = CompletionKind.custom(forgettableNames)

    /// How many runs are offered.
    private static let mostRuns = 100
    /// How long the shell waits.
    private static let patience = Duration.seconds(2)

    @Sendable private static func cleanupNames(_ words: [String], _ place: Int, _ start: String) -> [String] {
        configuration(words)?.cleanups.map(\.name) ?? []
    }

    @Sendable private static func routeNames(_ words: [String], _ place: Int, _ start: String) -> [String] {
        configuration(words)?.routeNames ?? []
    }

    @Sendable private static func runNames(_ words: [String], _ place: Int, _ start: String) async -> [String] {
        await read(words) { engine in
            try await History(engine: engine).last(mostRuns, of: engine.keys.runs).compactMap { $0["run"] }
        }
    }

    @Sendable private static func forgettableNames(_ words: [String], _ place: Int, _ start: String) async -> [String] {
        await read(words) { engine in
            try await Status.read(engine).cleanups.map(\.name).filter { engine.configuration.cleanup(named: $0) == nil }
        }
    }

    /// The configuration that the words name; nil if it can't be read.
    private static func configuration(_ words: [String]) -> Configuration? {
        let environment = ProcessInfo.processInfo.environment
        var path = environment["CURFEW_CONFIG"] ?? "curfew.yaml"
        for (place, word) in words.enumerated() {
            if ["-c", "--config"].contains(word), place + 1 < words.count { path = words[place + 1] }
            if word.hasPrefix("--config=") { path = String(word.dropFirst("--config=".count)) }
        }
        do {
            return try Configuration.load(
                path: path.readable, environment: environment, policies: CurfewCommand.policies)
        } catch {
            return nil
        }
    }

    private static func read(
        _ words: [String], _ body: @escaping @Sendable (Engine) async throws -> [String]
    ) async -> [String] {
        guard let configuration = configuration(words) else { return [] }
        var logger = Logger(label: "curfew") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let log = logger
        do {
            return try await withThrowingTaskGroup(of: [String].self) { group in
                group.addTask {
                    try await RedisClient.withClient(configuration.redis, logger: log) { redis in
                        try await body(Engine(configuration: configuration, redis: redis, logger: log))
                    }
                }
                group.addTask {
                    try await Task.sleep(for: patience)
                    return []
                }
                let names = try await group.next() ?? []
                group.cancelAll()
                return names
            }
        } catch {
            return []
        }
    }
}

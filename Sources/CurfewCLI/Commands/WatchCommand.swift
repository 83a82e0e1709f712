internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import RedisClient

/// `curfew watch`: shows the status, live.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Shows the schedule, leases, instances and last runs, live, until Ctrl-C.")

    @Option(help: "How often to refresh, for example 1s.")
    var interval = DurationArgument.second

    @OptionGroup var options: GlobalOptions

    /// How many ended runs are shown below the rest.
    private static let shownRuns = 8

    func validate() throws {
        if interval.duration < .milliseconds(100) { throw ValidationError("--interval must be 100ms or longer") }
    }

    func run() async throws {
        try await Interrupt.cancelling { try await options.withEngine { try await watch($0) } }
    }

    /// Refreshes until it is cancelled.
    ///
    /// If Redis goes away, it keeps trying; if Redis never answered, it fails.
    private func watch(_ engine: Engine) async throws {
        var status = try await Status.read(engine)
        let screen = options.json || !Output.isTerminal ? nil : Screen()
        screen?.enter()
        defer { screen?.leave() }
        var failure: String?
        while true {
            try await show(status, failure: failure, engine, screen)
            try await Task.sleep(for: interval.duration)
            do {
                status = try await Status.read(engine)
                failure = nil
            } catch {
                guard error.code == .unreachable, !Task.isCancelled else { throw error }
                failure = error.message
            }
        }
    }

    private func show(_ status: Status, failure: String?, _ engine: Engine, _ screen: Screen?) async throws {
        if options.json {
            guard let failure else { return try Output.json(status) }
            return Output.note("curfew: \(failure.printable)\n")
        }
        var lines = [Style.dim("curfew \(CurfewVersion.current)  \(engine.redis.place)  \(status.at)")]
        if let failure {
            lines += ["", Style.red("not reachable, trying again: " + failure.printable)]
        }
        lines += [""] + StatusView(status: status).lines
        if failure == nil, let runs = try await lastRuns(engine) { lines += [""] + runs }
        if let screen { screen.draw(lines) } else { for line in lines + [""] { Output.line(line) } }
    }

    /// The last runs; nil if they can't be read right now.
    ///
    /// The next read of the status reports the cause.
    private func lastRuns(_ engine: Engine) async throws -> [String]? {
        do {
            let runs = try await History(engine: engine).last(Self.shownRuns, of: engine.keys.runs)
            return EntryView.lines(runs: runs)
        } catch {
            guard error.code == .unreachable, !Task.isCancelled else { throw error }
            return nil
        }
    }
}

extension DurationArgument {
    /// A second, the default of `--interval`.
    fileprivate static let second = DurationArgument(seconds: 1)

    private init(seconds: Int) {
        duration = .seconds(seconds)
    }
}

internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import RedisClient

/// `curfew watch`: shows the status, live.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Shows the schedule, leases, instances and last runs, live.",
        discussion: """
            q or Ctrl-C ends it. If the screen is too small, the arrow keys, PgUp and PgDn scroll, and columns that \
            don't fit are left out. Elsewhere than on a terminal the whole status is printed again and again.
            """)

    @Option(help: "How often to refresh, for example 2s. (default: 1s)", transform: DurationArgument.init(parsing:))
    var interval = DurationArgument.second

    @Flag(help: "List everything, also where there are very many cleanups or instances.")
    var all = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if interval.duration < .milliseconds(100) { throw ValidationError("--interval must be 100ms or longer") }
    }

    func run() async throws {
        try await Interrupt.cancelling {
            try await options.withEngine { engine in
                // If Redis never answered, the command fails; later it keeps trying.
                let lastRuns = LastRuns()
                let first = try await Snapshot.read(engine, lastRuns, isAll: all)
                if options.json || !Output.isTerminal {
                    try await write(first, engine, lastRuns)
                } else {
                    try await LiveScreen(engine: engine, lastRuns: lastRuns, interval: interval.duration, isAll: all)
                        .run(
                            first)
                }
            }
        }
    }

    /// Writes the status again and again until it is cancelled.
    private func write(_ first: Snapshot, _ engine: Engine, _ lastRuns: LastRuns) async throws {
        var next: Result<Snapshot, CurfewError> = .success(first)
        var last = first
        while true {
            switch next {
            case .success(let snapshot):
                last = snapshot
                if options.json {
                    try Output.json(snapshot.status)
                } else {
                    for line in snapshot.lines() + [""] { Output.line(line) }
                }
            case .failure(let error) where options.json: Output.note("curfew: \(error.message.printable)\n")
            case .failure(let error): for line in last.lines(failure: error.message) + [""] { Output.line(line) }
            }
            try await Task.sleep(for: interval.duration)
            next = try await Snapshot.attempt(engine, lastRuns, isAll: all)
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

/// What `watch` shows at one moment.
struct Snapshot: Sendable {
    let status: Status
    /// The last ended runs.
    let runs: [StreamEntry]
    /// Where the Redis is.
    let place: String
    /// Whether everything is listed.
    let isAll: Bool

    /// How many ended runs are shown below the rest.
    private static let shownRuns = 8

    static func read(_ engine: Engine, _ lastRuns: LastRuns, isAll: Bool) async throws -> Snapshot {
        let status = try await Status.read(engine, lastRuns)
        let runs = try await History(engine: engine).last(shownRuns, of: engine.keys.runs)
        return Snapshot(status: status, runs: runs, place: engine.redis.place, isAll: isAll)
    }

    /// The same, with the error of a Redis that isn't reachable; throws any other error.
    static func attempt(
        _ engine: Engine, _ lastRuns: LastRuns, isAll: Bool
    ) async throws -> Result<Snapshot, CurfewError> {
        do {
            return .success(try await read(engine, lastRuns, isAll: isAll))
        } catch let error as CurfewError where error.code == .unreachable && !Task.isCancelled {
            return .failure(error)
        }
    }

    /// All lines.
    ///
    /// - Parameters:
    ///   - failure: why there is no newer one, if there is none.
    ///   - width: how many columns they may have; nil for any number.
    func lines(failure: String? = nil, width: Int? = nil) -> [String] {
        let head = "curfew \(CurfewVersion.current)  \(place)  \(status.at)".printable
        var lines = [Style.dim(width.map(head.clipped(to:)) ?? head)]
        if let failure {
            lines += [""] + "not reachable, trying again: \(failure)".wrapped(to: width).map(Style.red.callAsFunction)
        }
        lines += [""] + StatusView(status: status, width: width, isAll: isAll).lines
        if failure == nil { lines += [""] + EntryView.lines(runs: runs, width: width) }
        return lines
    }
}

internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import Policies
internal import RedisClient

/// `curfew history [NAME]`: lists runs and how they ended.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Lists ended runs, newest first.")

    @Argument(help: "The cleanup. (default: all)", completion: Completion.cleanups)
    var name: String?

    @Option(help: "The cleanup: the same as its name alone.", completion: Completion.cleanups)
    var cleanup: String?

    @Option(
        help: "Only runs that ended so, for example failed; may be given several times.",
        completion: .list(RunResult.Status.allCases.map(\.rawValue)))
    var status: [String] = []

    @Option(help: "Only runs that ended since then: 2h for two hours ago, or 2026-11-29T14:00:00Z.")
    var since: MomentArgument?

    @Option(help: "Show at most this many.")
    var limit = 20

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        try EntryLimit.check(limit)
        if name != nil, cleanup != nil {
            throw ValidationError("the cleanup is given twice: expected its name, or --cleanup")
        }
        for word in status where RunResult.Status(rawValue: word) == nil {
            let known = RunResult.Status.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--status is “\(word.printable)”: expected one of \(known)")
        }
    }

    func run() async throws {
        let name = name ?? cleanup
        let found = try await options.withEngine { engine in
            let found = try await History(engine: engine).search(
                limit, of: engine.keys.runs, from: try await since.oldest(engine)
            ) { entry in
                (name.map { entry["cleanup"] == $0 } ?? true)
                    && (status.isEmpty || status.contains(entry["status"] ?? ""))
            }
            if found.entries.isEmpty, let name { try await Known.cleanup(name, engine) }
            return found
        }
        if options.json {
            try Output.json(found.entries.map(TypedEntry.init))
        } else {
            for line in EntryView.lines(runs: found.entries) { Output.line(line) }
        }
        EntryLimit.remark(on: found)
    }
}

/// The valid range of `--limit`, for every command that lists entries.
enum EntryLimit {
    /// Throws if the limit would list nothing.
    static func check(_ limit: Int) throws {
        if limit < 1 { throw ValidationError("--limit is \(limit): expected 1 or more") }
    }

    /// Says that a search ended before the end of the stream, if it did.
    static func remark(on found: History.Found) {
        guard let count = found.cutAfter else { return }
        Output.note("curfew: only the newest \(count.grouped) entries were examined; there may be more\n")
    }
}

/// An empty list is an answer only about what exists.
enum Known {
    /// Throws if there is no such cleanup and there has been none.
    static func cleanup(_ name: String, _ engine: Engine) async throws {
        if try await engine.knows(cleanup: name) { return }
        let past = try await History(engine: engine).last(1, of: engine.keys.runs) { $0["cleanup"] == name }
        if past.isEmpty { throw engine.unknown(cleanup: name) }
    }

    /// Throws if there is no such run.
    static func run(_ id: String, _ engine: Engine) async throws {
        if try await engine.run(id) == nil { throw engine.unknown(run: id) }
    }

    /// Throws if there is no such record, and no event of one.
    static func record(_ id: String, _ cleanup: String?, _ engine: Engine) async throws {
        let past = try await History(engine: engine).last(1, of: engine.keys.events) {
            $0["record"] == id && (cleanup == nil || $0["cleanup"] == cleanup)
        }
        guard past.isEmpty else { return }
        let cleanups = engine.configuration.cleanups.filter { cleanup == nil || $0.name == cleanup }
        if try await !engine.has(record: id, in: cleanups) { throw engine.unknown(record: id) }
    }
}

/// A time as an argument: how long ago, for example `2h`, or a time in one of the forms that records may use.
struct MomentArgument: ExpressibleByArgument, Sendable {
    private enum Moment {
        case ago(Duration)
        case at(Timestamp)
    }

    private let moment: Moment

    init?(argument: String) {
        let text = argument.readable
        if let duration = Duration(text: text) {
            moment = .ago(duration)
        } else if let time = RecordTime(text: text) ?? RecordTime(text: text + "T00:00:00Z") {
            // A day is its beginning, in UTC.
            moment = .at(time.timestamp)
        } else {
            return nil
        }
    }

    /// The lowest id of a stream's entries since then, by the server's clock.
    fileprivate func oldest(_ engine: Engine) async throws -> String {
        switch moment {
        case .at(let time): return String(max(0, time.milliseconds))
        case .ago(let duration):
            let start = try await engine.serverClock().now - duration
            return String(max(0, start.milliseconds))
        }
    }
}

extension MomentArgument? {
    /// The lowest id of a stream's entries since then; the beginning of the stream without a time.
    func oldest(_ engine: Engine) async throws -> String {
        guard let self else { return "-" }
        return try await self.oldest(engine)
    }
}

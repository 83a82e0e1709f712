internal import ArgumentParser
internal import Curfew

/// `curfew alerts`: thresholds that were crossed, and alerts that resolved.
struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts", abstract: "Lists alerts, newest first; with --follow, waits for new ones.")

    @Flag(help: "Keep printing new alerts, oldest first, until Ctrl-C.")
    var follow = false

    @Option(help: "Show at most this many existing alerts.")
    var limit = 20

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        try EntryLimit.check(limit)
    }

    func run() async throws {
        guard follow else { return try await list() }
        try await Interrupt.cancelling { try await options.withEngine { try await tail($0) } }
    }

    private func list() async throws {
        let alerts = try await options.withEngine { engine in
            try await History(engine: engine).last(limit, of: engine.keys.alerts)
        }
        if options.json { return try Output.json(alerts.map(TypedEntry.init)) }
        if alerts.isEmpty { return Output.line("no alerts") }
        Output.line(EntryView.alertHeader)
        for alert in alerts { Output.line(EntryView.line(alert: alert)) }
    }

    /// Prints the last alerts, then new ones until it is cancelled.
    ///
    /// While Redis is unreachable, it keeps trying.
    private func tail(_ engine: Engine) async throws {
        let history = History(engine: engine)
        let last = try await history.last(limit, of: engine.keys.alerts)
        for alert in last.reversed() { try write(alert) }
        var position = last.first?.id ?? "0-0"
        var isAway = false
        while !Task.isCancelled {
            do {
                for alert in try await history.next(of: engine.keys.alerts, after: position, within: .milliseconds(500))
                {
                    try write(alert)
                    position = alert.id
                }
                isAway = false
            } catch let error as CurfewError where error.code == .unreachable && !Task.isCancelled {
                if !isAway { Output.note("curfew: \(error); still waiting\n") }
                isAway = true
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func write(_ alert: StreamEntry) throws {
        if options.json { try Output.json(TypedEntry(alert)) } else { Output.line(EntryView.line(alert: alert)) }
    }
}

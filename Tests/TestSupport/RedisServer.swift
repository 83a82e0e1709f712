internal import Foundation
internal import Glibc
internal import Logging
package import RedisClient
internal import Synchronization

/// A private redis-server in a folder of its own, for one test.
///
/// It keeps nothing on disk unless its arguments say so, and dies with this object or with the test process.
package final class RedisServer: Sendable {
    /// How clients reach it.
    package enum Transport: Sendable {
        /// A free port of 127.0.0.1.
        case tcp
        /// A Unix socket in the server's folder.
        case unixSocket
        /// A free port of 127.0.0.1, with TLS alone.
        case tls(Certificates)
    }

    /// What a client needs to connect.
    package let configuration: RedisConfiguration
    /// The server's folder, removed with this object.
    package let folder: String
    private let arguments: [String]
    private let process: Mutex<ChildProcess?>

    private init(_ configuration: RedisConfiguration, folder: String, arguments: [String]) {
        self.configuration = configuration
        self.folder = folder
        self.arguments = arguments
        process = Mutex(nil)
    }

    deinit {
        process.withLock { $0?.signal(SIGKILL) }
        _ = try? FileManager.default.removeItem(atPath: folder)
        FoldersAtExit.forget(folder)
    }

    /// Starts a server and waits until it serves.
    ///
    /// - Parameters:
    ///   - arguments: more of redis-server's arguments, as on its command line: `["--appendonly", "yes"]`.
    ///   - credentials: what to sign in with; the arguments must make the server know it.
    ///   - client: TLS for clients, where it is not the usual one of the certificates.
    ///   - program: another server than the one in the path.
    ///   - command: what starts the server, where that is more than its name.
    ///   - sentinel: the text of a configuration file; it makes the server a Sentinel, which writes down there what it
    ///     learns.
    package static func start(
        _ transport: Transport = .tcp,
        arguments: [String] = [],
        credentials: RedisConfiguration.Credentials? = nil,
        tls client: RedisConfiguration.TLS? = nil,
        program: String = "redis-server",
        command: [String]? = nil,
        sentinel: String? = nil
    ) async throws -> RedisServer {
        var attempts = 0
        while true {
            attempts += 1
            let folder = try makeFolder()
            let (address, tls, listening) = try listen(transport, folder)
            var configuration = RedisConfiguration(address: address)
            configuration.tls = client ?? tls
            configuration.credentials = credentials
            var base =
                (command ?? [program]) + ["--dir", folder, "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]
            if let sentinel {
                let file = "\(folder)/sentinel.conf"
                try sentinel.write(toFile: file, atomically: true, encoding: .utf8)
                base = (command ?? [program]) + [file, "--sentinel", "--dir", folder, "--bind", "127.0.0.1"]
            }
            let server = RedisServer(configuration, folder: folder, arguments: base + listening + arguments)
            do {
                try await server.launch()
                return server
            } catch {
                // Another process may have taken the port in between.
                guard attempts < 5, error.description.contains("already in use") else { throw error }
            }
        }
    }

    /// The port it listens on; 0 for a Unix socket.
    package var port: Int {
        if case .host(_, let port) = configuration.address { port } else { 0 }
    }

    /// The URL of a server without TLS and password.
    package var url: String {
        switch configuration.address {
        case .host(let host, let port): "redis://\(host):\(port)/0"
        case .unixSocket(let path): "redis+unix://\(path)?db=0"
        }
    }

    /// The process; 0 where none was started or it was ended.
    package var processIdentifier: Int32 { process.withLock { $0?.identifier ?? 0 } }

    /// What the server has written to its log.
    package var log: String {
        (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? ""
    }

    /// Ends it in good order.
    package func stop() async {
        await end(SIGTERM)
    }

    /// Ends it as a crash would.
    package func kill() async {
        await end(SIGKILL)
    }

    /// Stops its clock: it holds its connections and answers nothing until ``resume()``.
    package func freeze() {
        process.withLock { $0?.signal(SIGSTOP) }
    }

    /// Lets a frozen server go on.
    package func resume() {
        process.withLock { $0?.signal(SIGCONT) }
    }

    /// Starts it again at the same address and in the same folder, ending it first where it still runs.
    package func restart() async throws {
        await stop()
        try await launch()
    }

    private func end(_ signal: CInt) async {
        let ending = process.withLock { process in
            defer { process = nil }
            return process
        }
        ending?.signal(signal)
        ending?.signal(SIGCONT)
        await ending?.wait()
    }

    private func launch() async throws(ChildProcessError) {
        let started: ChildProcess
        do {
            started = try ChildProcess(arguments, output: "\(folder)/log")
        } catch {
            throw ChildProcessError("redis-server: \(error)")
        }
        process.withLock { $0 = started }
        while started.isRunning {
            if await isServing() { return }
            // Not at once again: others need the machine meanwhile, the server itself too.
            do {
                try await Task.sleep(for: .milliseconds(3))
            } catch {
                throw ChildProcessError("cancelled while redis-server started")
            }
        }
        throw ChildProcessError("redis-server ended at once: \(log)")
    }

    /// Whether it answers.
    ///
    /// A refusal to let us in is an answer too: tests of sign-in get their server.
    private func isServing() async -> Bool {
        do {
            return try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
                try await client.send(RedisCommand("PING"), deadline: .seconds(5))
                return true
            }
        } catch let error as RedisError {
            return error.code == .authentication || error.code == .server
        } catch {
            return false
        }
    }

    /// Where servers have their folders: in memory where there is room for it.
    ///
    /// Whatever a server is told to keep needs to outlive it, not the machine; and on a disk that is busy with something
    /// else it waits for seconds until a file is really written, as a Cluster's node does with every slot that moves.
    private static let parent: String = {
        let memory = "/dev/shm"
        let facts = try? FileManager.default.attributesOfFileSystem(forPath: memory)
        let free = (facts?[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
        return free > 1 << 30 && FileManager.default.isWritableFile(atPath: memory)
            ? memory : FileManager.default.temporaryDirectory.path
    }()

    private static func makeFolder() throws -> String {
        // Short, because the path of a Unix socket has 107 bytes at most.
        let folder = "\(parent)/curfew-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        FoldersAtExit.add(folder)
        return folder
    }

    private static func listen(
        _ transport: Transport,
        _ folder: String
    ) throws -> (RedisConfiguration.Address, RedisConfiguration.TLS?, [String]) {
        switch transport {
        case .unixSocket:
            let path = "\(folder)/redis.sock"
            return (.unixSocket(path: path), nil, ["--port", "0", "--unixsocket", path])
        case .tcp:
            let port = try freePort()
            return (.host("127.0.0.1", port: port), nil, ["--port", String(port)])
        case .tls(let certificates):
            let port = try freePort()
            let arguments = ["--port", "0", "--tls-port", String(port)] + certificates.serverArguments
            return (.host("127.0.0.1", port: port), certificates.client, arguments)
        }
    }
}

/// Runs a body with a private redis-server and ends the server after it.
package func withServer<Result>(
    _ transport: RedisServer.Transport = .tcp,
    arguments: [String] = [],
    program: String = "redis-server",
    command: [String]? = nil,
    credentials: RedisConfiguration.Credentials? = nil,
    tls client: RedisConfiguration.TLS? = nil,
    _ body: (RedisServer) async throws -> Result
) async throws -> Result {
    let server = try await RedisServer.start(
        transport, arguments: arguments, credentials: credentials, tls: client, program: program, command: command)
    do {
        let result = try await body(server)
        await server.kill()
        return result
    } catch {
        await server.kill()
        throw error
    }
}

/// Runs a body with a private redis-server and a client of it.
package func withServerAndClient<Result: Sendable>(
    _ transport: RedisServer.Transport = .tcp,
    arguments: [String] = [],
    program: String = "redis-server",
    command: [String]? = nil,
    _ body: (RedisServer, RedisClient) async throws -> Result
) async throws -> Result {
    try await withServer(transport, arguments: arguments, program: program, command: command) { server in
        try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { client in
            try await body(server, client)
        }
    }
}

extension RedisServer {
    /// Whether the server in the path has functions, as Redis has from 7.0 on; `Deploy/test` says which it tests.
    package static var hasFunctions: Bool { ProcessInfo.processInfo.environment["CURFEW_TESTED_REDIS"] != "6.2" }

    /// A server without functions, Redis 6.2.
    ///
    /// `Deploy/test` installs one and names it in `CURFEW_OLDER_REDIS`; without it a test that needs it fails.
    package static var older: String {
        get throws {
            guard let path = ProcessInfo.processInfo.environment["CURFEW_OLDER_REDIS"] else {
                throw ChildProcessError("CURFEW_OLDER_REDIS names no server: expected Redis 6.2 (Deploy/test)")
            }
            return path
        }
    }

    /// A server that knows what Redis 7.4 and newer know, such as fields that expire.
    ///
    /// `Deploy/test` installs one and names it in `CURFEW_NEWER_REDIS`; without it a test that needs it fails.
    package static var newer: String {
        get throws {
            guard let path = ProcessInfo.processInfo.environment["CURFEW_NEWER_REDIS"] else {
                throw ChildProcessError("CURFEW_NEWER_REDIS names no server: expected Redis 7.4 or newer (Deploy/test)")
            }
            return path
        }
    }
}

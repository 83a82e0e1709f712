internal import Curfew
internal import Foundation

/// A private `redis-server` on a Unix socket in its own directory, which ends with this process however this process
/// ends.
///
/// A shell stands between: it waits for the end of its standard input, a pipe from this process, and then ends the
/// server. The kernel closes the pipe even if this process is killed.
struct EmbeddedRedis: Sendable {
    /// The address for clients.
    let url: String
    /// The command to inspect the server.
    let command: String
    private let directory: URL
    private let process: Process
    private let input: Pipe

    /// The longest socket path that the system accepts.
    private static let longestSocket = 107

    /// Starts a server and waits until it answers.
    static func start() throws -> EmbeddedRedis {
        let directory = try PrivateFolder.make("curfew", for: "redis-server")
        let socket = directory.appendingPathComponent("redis.sock").path
        guard socket.utf8.count <= longestSocket else {
            rmdir(directory.path)
            throw CurfewError(
                .unreachable,
                "the private redis-server needs a socket path of at most \(longestSocket) bytes, but \(socket) has "
                    + "\(socket.utf8.count): set TMPDIR to a folder with a shorter path")
        }
        let process = Process()
        let input = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c",
            #"""
            command -v redis-server >/dev/null || { rmdir "$2"; exit 127; }
            setsid redis-server --port 0 --unixsocket "$1" --unixsocketperm 600 --dir "$2" --save "" --appendonly no \
                --daemonize no >"$2/redis.log" 2>&1 </dev/null &
            child=$!
            trap "" TERM INT HUP
            read -r _
            kill "$child" 2>/dev/null
            wait "$child"
            rm -rf "$2"
            """#,
            "curfew", socket, directory.path,
        ]
        process.standardInput = input
        try SignalMask.cleared { try process.run() }
        let server = EmbeddedRedis(
            url: "redis+unix://\(socket)?db=0", command: "redis-cli -s \(socket)", directory: directory,
            process: process,
            input: input)
        try server.waitUntilReady(socket)
        return server
    }

    /// Ends the server and removes its directory.
    func stop() {
        input.fileHandleForWriting.closeFile()
        process.waitUntilExit()
    }

    private func waitUntilReady(_ socket: String) throws {
        for _ in 0..<200 {
            if FileManager.default.fileExists(atPath: socket) { return }
            guard process.isRunning else { break }
            usleep(25_000)
        }
        let log = FileManager.default.contents(atPath: directory.appendingPathComponent("redis.log").path)
        stop()
        let lines = log.map { String(decoding: $0, as: UTF8.self).split(separator: "\n") }
        let hint = lines.map { $0.last.map(String.init) ?? "is there room in \(directory.path)?" }
        throw CurfewError(
            .unreachable,
            "the private redis-server did not start: \(hint ?? "is redis-server installed and on the PATH?")")
    }
}

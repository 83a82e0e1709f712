internal import Curfew
internal import Foundation

/// One instance of the worker: a process of this executable, which ends with the demo however the demo ends.
///
/// As in ``EmbeddedRedis``, a shell stands between: it waits for the end of its standard input, a pipe from this
/// process, and then ends the worker, first with SIGTERM.
struct DemoInstance: Sendable {
    /// Its name in the demo: A, B, C.
    let name: String
    /// The worker's process.
    let pid: Int32
    /// Its log file.
    let log: URL
    private let shell: Process
    private let input: Pipe

    /// Its name and process id, for messages.
    var label: String { "\(name) (pid \(pid))" }

    /// Starts a worker on this configuration.
    static func start(_ name: String, configuration: URL) throws -> DemoInstance {
        let log = configuration.deletingLastPathComponent().appendingPathComponent("instance-\(name).log")
        let shell = Process()
        let input = Pipe()
        let output = Pipe()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = [
            "-c",
            #"""
            setsid "$1" work --config "$2" >"$3" 2>&1 </dev/null &
            child=$!
            trap "" TERM INT HUP
            echo "$child"
            exec >/dev/null
            read -r _
            kill "$child" 2>/dev/null
            for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
                kill -0 "$child" 2>/dev/null || exit 0
                sleep 0.2
            done
            kill -9 "$child" 2>/dev/null
            """#,
            "curfew", try executable(), configuration.path, log.path,
        ]
        shell.standardInput = input
        shell.standardOutput = output
        try SignalMask.cleared { try shell.run() }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let pid = Int32(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            input.fileHandleForWriting.closeFile()
            throw CurfewError(.unreachable, "instance \(name) did not start")
        }
        return DemoInstance(name: name, pid: pid, log: log, shell: shell, input: input)
    }

    /// Whether the process is running: the system has no arguments for a process that has ended.
    var isAlive: Bool { FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")?.isEmpty == false }

    /// Kills the process at once, as a crash would: it can't finish anything.
    func crash() {
        kill(pid, SIGKILL)
    }

    /// Asks the worker to hand over and end.
    func stop() {
        input.fileHandleForWriting.closeFile()
    }

    /// Waits until the worker has ended after ``stop()``.
    func waitUntilStopped() {
        shell.waitUntilExit()
    }

    /// The end of its log, for messages.
    var lastLines: String { logText.split(separator: "\n").suffix(5).joined(separator: "\n") }

    /// The address of its dashboard; nil until it answers.
    var dashboard: String? {
        logText.firstMatch(of: /port=([0-9]+) .*listening/).map { "http://127.0.0.1:\($0.output.1)/" }
    }

    private var logText: String {
        String(decoding: FileManager.default.contents(atPath: log.path) ?? Data(), as: UTF8.self)
    }

    private static func executable() throws -> String {
        if let path = Bundle.main.executablePath, FileManager.default.isExecutableFile(atPath: path) { return path }
        throw CurfewError(.usage, "the demo starts more processes of this executable, but the file no longer exists")
    }
}

import Foundation
import TestSupport

/// The built `curfew` executable, run to its end.
enum CurfewProgram {
    /// What a run of the program came to.
    struct Ending: Sendable {
        /// Its exit code.
        let code: CInt
        /// What it wrote, on standard output and standard error together.
        let output: String
    }

    /// The executable, which the package manager puts beside the running test bundle.
    static var path: String {
        get throws {
            let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            let path = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("curfew").path
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw ChildProcessError("there is no curfew beside the test bundle: expected \(path)")
            }
            return path
        }
    }

    /// Runs it with these arguments, its output going through a file of that folder.
    static func run(_ arguments: [String], folder: String) async throws -> Ending {
        let file = "\(folder)/output-\(UInt64.random(in: 0...UInt64.max))"
        let code = try await ChildProcess([try path] + arguments, output: file).wait(atMost: .seconds(60))
        return Ending(code: code, output: try String(contentsOfFile: file, encoding: .utf8))
    }
}

/// `curfew work` as a process of its own, as in a deployment.
final class WorkerProcess: Sendable {
    private let process: ChildProcess
    private let logFile: String

    /// Starts a worker; it is ended with this object or with the test process.
    init(configuration: String, folder: String, arguments: [String] = []) throws {
        logFile = "\(folder)/worker-\(UInt64.random(in: 0...UInt64.max)).log"
        process = try ChildProcess(
            [try CurfewProgram.path, "work", "--config", configuration] + arguments, output: logFile)
    }

    /// Its process id.
    var identifier: Int32 { process.identifier }

    /// What it has logged so far.
    var log: String { (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? "" }

    /// Whether an instance of that name is this process.
    func isInstance(_ name: String) -> Bool { name.hasSuffix("-\(identifier)") }

    /// Waits until it has had its first answer from Redis.
    func ready() async throws {
        try await eventually("a worker is ready") {
            guard process.isRunning else { throw ChildProcessError("a worker has ended: \(log)") }
            return log.contains("worker ready")
        }
    }

    /// Ends it without warning.
    func crash() async {
        process.signal(SIGKILL)
        await process.wait()
    }

    /// Stops its clock; its connections stay open.
    func freeze() { process.signal(SIGSTOP) }

    /// Lets a frozen worker go on.
    func thaw() { process.signal(SIGCONT) }

    /// Asks it to end, and answers its exit code.
    func terminate() async -> CInt {
        process.signal(SIGTERM)
        return await process.wait(atMost: .seconds(20))
    }

    /// The most memory it has had, in bytes.
    func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let number = line?.split(separator: " ").compactMap { Int($0) }.first
        guard let number else { throw ChildProcessError("the system does not say how much memory a worker had") }
        return number * 1024
    }
}

extension ChildProcess {
    /// Waits for the program to end by itself, and answers its exit status; one that doesn't is killed, and answers 137.
    func wait(atMost limit: Duration) async -> CInt {
        do {
            try await eventually("a program ends", within: limit, every: .milliseconds(5)) { !isRunning }
        } catch {
            signal(SIGKILL)
        }
        return await wait()
    }
}

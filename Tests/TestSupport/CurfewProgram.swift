internal import Foundation
internal import Glibc

/// The built `curfew` executable, run to its end.
package enum CurfewProgram {
    /// What a run of the program came to.
    package struct Ending: Sendable {
        /// Its exit code.
        package let code: CInt
        /// What it wrote, on standard output and standard error together.
        package let output: String
    }

    /// The folder that the package manager puts the running test bundle in, with the programs of the same build.
    package static var folder: String {
        get throws {
            let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
        }
    }

    /// The executable as users run it: the release build, whatever build the tests are of.
    ///
    /// `CURFEW_PROGRAM` names another one.
    package static var path: String {
        get throws {
            let named = ProcessInfo.processInfo.environment["CURFEW_PROGRAM"]
            let built = URL(fileURLWithPath: try folder).deletingLastPathComponent().appendingPathComponent(
                "release/curfew"
            ).path
            let path = named ?? built
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw ChildProcessError(
                    "there is no \(path): expected the release build of “swift build -c release --product curfew”")
            }
            return path
        }
    }

    /// Runs it with these arguments, its output going through a file of that folder.
    package static func run(_ arguments: [String], folder: String) async throws -> Ending {
        let file = "\(folder)/output-\(UInt64.random(in: 0...UInt64.max))"
        let code = try await ChildProcess([try path] + arguments, output: file).wait(atMost: .seconds(60))
        return Ending(code: code, output: try String(contentsOfFile: file, encoding: .utf8))
    }
}

/// `curfew work`, or `curfew serve`, as a process of its own, as in a deployment.
package final class WorkerProcess: Sendable {
    private let process: ChildProcess
    /// Where its log is.
    package let logFile: String

    /// Starts a worker; it is ended with this object or with the test process.
    ///
    /// - Parameters:
    ///   - command: the command, where it is another than `work`.
    ///   - arguments: more of the arguments of the command.
    ///   - environment: more variables, `NAME=value` each.
    package init(
        _ command: String = "work", configuration: String, folder: String, arguments: [String] = [],
        environment: [String] = []
    ) throws {
        logFile = "\(folder)/worker-\(UInt64.random(in: 0...UInt64.max)).log"
        process = try ChildProcess(
            ["env"] + environment + [try CurfewProgram.path, command, "--config", configuration] + arguments,
            output: logFile)
    }

    /// Its process id.
    package var identifier: Int32 { process.identifier }

    /// What it has logged so far.
    package var log: String { (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? "" }

    /// Whether an instance of that name is this process.
    package func isInstance(_ name: String) -> Bool { name.hasSuffix("-\(identifier)") }

    /// Waits until it has had its first answer from Redis.
    package func ready() async throws {
        try await eventually("a worker is ready") {
            guard process.isRunning else { throw ChildProcessError("a worker has ended: \(log)") }
            return log.contains("worker ready")
        }
    }

    /// Ends it without warning.
    package func crash() async {
        process.signal(SIGKILL)
        await process.wait()
    }

    /// Stops its clock; its connections stay open.
    package func freeze() { process.signal(SIGSTOP) }

    /// Lets a frozen worker go on.
    package func thaw() { process.signal(SIGCONT) }

    /// Whether it still runs.
    package var isRunning: Bool { process.isRunning }

    /// Sends it a signal.
    package func signal(_ number: CInt) { process.signal(number) }

    /// Waits for it to end by itself, and answers its exit code; one that doesn't is killed, and answers 137.
    package func wait(atMost limit: Duration) async -> CInt { await process.wait(atMost: limit) }

    /// Asks it to end, and answers its exit code.
    package func terminate() async -> CInt {
        process.signal(SIGTERM)
        return await process.wait(atMost: .seconds(20))
    }

    /// The most memory it has had, in bytes.
    package func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let number = line?.split(separator: " ").compactMap { Int($0) }.first
        guard let number else { throw ChildProcessError("the system does not say how much memory a worker had") }
        return number * 1024
    }
}

extension ChildProcess {
    /// Waits for the program to end by itself, and answers its exit status; one that doesn't is killed, and answers 137.
    package func wait(atMost limit: Duration) async -> CInt {
        do {
            try await eventually("a program ends", within: limit, every: .milliseconds(5)) { !isRunning }
        } catch {
            signal(SIGKILL)
        }
        return await wait()
    }
}

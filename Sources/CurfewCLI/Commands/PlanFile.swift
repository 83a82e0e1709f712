internal import Curfew
internal import Foundation
internal import Glibc
internal import RedisClient

/// Plans as files.
enum PlanFile {
    /// Writes a plan: to a file of its own whole or not at all, and through to what is none, a device, a pipe or a link.
    static func write(_ plan: Plan, to path: String) throws {
        let data = try plan.data()
        var facts = stat()
        if lstat(path.readable, &facts) == 0, facts.st_mode & S_IFMT != S_IFREG {
            return try writeThrough(data, to: path)
        }
        do {
            try data.write(to: URL(fileURLWithPath: path.readable), options: .atomic)
        } catch {
            throw CurfewError(.usage, "\(path): the plan can't be written: \(error.localizedDescription)")
        }
    }

    private static func writeThrough(_ data: Data, to path: String) throws {
        let descriptor = open(path.readable, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
        guard descriptor >= 0 else {
            throw CurfewError(.usage, "\(path): the plan can't be written: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let reason = Output.failure(of: Array(data), to: descriptor)
        guard reason == 0 else {
            throw CurfewError(.damaged, "\(path): the plan can't be written: \(String(cString: strerror(reason)))")
        }
    }

    /// Reads a plan for a cleanup, and no more of a file than a plan may have.
    static func read(_ path: String, for cleanup: Cleanup) throws -> Plan {
        var data = Data()
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path.readable))
            defer { file.closeFile() }
            let limit = Plan.mostBytes + 1
            while data.count < limit, let more = try file.read(upToCount: limit - data.count), !more.isEmpty {
                data += more
            }
        } catch {
            throw CurfewError(.usage, "\(path): the plan can't be read: \(error.localizedDescription)")
        }
        return try Plan(data, file: path, for: cleanup)
    }
}

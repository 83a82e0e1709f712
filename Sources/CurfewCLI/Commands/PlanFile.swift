internal import Curfew
internal import Foundation
internal import RedisClient

/// Plans as files.
enum PlanFile {
    /// Writes a plan, whole or not at all.
    static func write(_ plan: Plan, to path: String) throws {
        let data = try plan.data()
        do {
            try data.write(to: URL(fileURLWithPath: path.readable), options: .atomic)
        } catch {
            throw CurfewError(.usage, "\(path): the plan can't be written: \(error.localizedDescription)")
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

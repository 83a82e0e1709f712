internal import Curfew
internal import Foundation
internal import Glibc
internal import RedisClient

/// Plans as files.
enum PlanFile {
    /// Where a plan has gone.
    enum Place {
        /// To a file, where it stays.
        case file
        /// To standard output, as the answer.
        case output
        /// Through a pipe or into a device.
        case elsewhere
    }

    /// Writes a plan.
    ///
    /// To a file of its own whole or not at all, and through to what can't be replaced without becoming something else: a
    /// device, a pipe, a file with two names or another owner. A link stays, whatever it leads to.
    @discardableResult
    static func write(_ plan: Plan, to path: String) throws -> Place {
        let file = Destination(bytes: Array(try plan.data()), path: path.readable)
        if let stream = file.stream {
            try file.write(to: stream)
            return stream == STDOUT_FILENO ? .output : .elsewhere
        }
        var facts = stat()
        let isThere = stat(file.path, &facts) == 0
        guard isThere, facts.st_mode & S_IFMT != S_IFREG else {
            try file.replace(isThere ? facts : nil)
            return .file
        }
        try file.writeThrough()
        return .elsewhere
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

/// Where a plan goes, and its text.
private struct Destination {
    let bytes: [UInt8]
    let path: String

    /// The stream of this process that the path means: opened anew, a file behind it would be begun from its start, over
    /// what is written there besides.
    var stream: Int32? {
        for prefix in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(prefix) {
            return Int32(path.dropFirst(prefix.count)).flatMap { fcntl($0, F_GETFL) == -1 ? nil : $0 }
        }
        return ["/dev/stdout": STDOUT_FILENO, "/dev/stderr": STDERR_FILENO][path]
    }

    /// Puts a new file into the place of the one that is there, or of none.
    func replace(_ former: stat?) throws {
        guard former.map({ $0.st_nlink == 1 && $0.st_uid == geteuid() }) ?? !isLink else { return try writeThrough() }
        let target = former == nil ? path : URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let folder = URL(fileURLWithPath: target).deletingLastPathComponent()
        let name = folder.appendingPathComponent(".curfew-plan-\(UInt64.random(in: 0...UInt64.max))").path
        let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            // A folder that takes no new file may have one that can be written to.
            guard former == nil else { return try writeThrough() }
            throw failure(errno, isOpening: true)
        }
        do {
            try finish(descriptor) {
                guard let former else { return true }
                return fchown(descriptor, uid_t.max, former.st_gid) == 0
                    && fchmod(descriptor, former.st_mode & 0o7777) == 0
            }
        } catch {
            unlink(name)
            throw error
        }
        guard rename(name, target) != 0 else { return }
        // A file that is mounted by itself can't be replaced.
        let reason = errno
        unlink(name)
        guard former != nil else { throw failure(reason, isOpening: true) }
        try writeThrough()
    }

    private var isLink: Bool {
        var facts = stat()
        return lstat(path, &facts) == 0
    }

    /// Writes into what is there.
    func writeThrough() throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(errno, isOpening: true) }
        try finish(descriptor) { true }
    }

    private func finish(_ descriptor: Int32, _ prepare: () -> Bool) throws {
        var isOpen = true
        defer { if isOpen { close(descriptor) } }
        guard prepare() else { throw failure(errno) }
        try write(to: descriptor)
        // Some file systems say only now that there is no room.
        isOpen = false
        guard close(descriptor) == 0 else { throw failure(errno) }
    }

    /// Writes everything; a reader that has gone wants no more of it.
    func write(to descriptor: Int32) throws {
        let reason = Output.failure(of: bytes, to: descriptor)
        guard reason == 0 || reason == EPIPE else { throw failure(reason) }
    }

    /// The error for people: a path that leads nowhere is wrong usage, and what there is no room for is none.
    private func failure(_ reason: Int32, isOpening: Bool = false) -> CurfewError {
        let isUsage = isOpening && ![ENOSPC, EDQUOT, EIO].contains(reason)
        return CurfewError(
            isUsage ? .usage : .damaged, "\(path): the plan can't be written: \(String(cString: strerror(reason)))")
    }
}

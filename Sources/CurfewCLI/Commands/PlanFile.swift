internal import Curfew
internal import Foundation
internal import Glibc
internal import RedisClient

/// Plans as files.
enum PlanFile {
    /// Where a plan was written.
    enum Place {
        /// To a regular file.
        case file
        /// To standard output, as the answer.
        case output
        /// To a pipe or a device.
        case elsewhere
    }

    /// Writes a plan.
    ///
    /// A regular file is replaced as a whole or not at all. A device, a pipe, and a file with several names or another
    /// owner can't be replaced without becoming something else, so these are written through. A symbolic link is kept,
    /// whatever it points to.
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

    /// Reads a plan for a cleanup; a file longer than any plan is refused.
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

/// The destination of a plan, and its text.
private struct Destination {
    let bytes: [UInt8]
    let path: String

    /// The stream of this process that the path names.
    ///
    /// Opening such a file again would start at its beginning and overwrite what is written there.
    var stream: Int32? {
        for prefix in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(prefix) {
            return Int32(path.dropFirst(prefix.count)).flatMap { fcntl($0, F_GETFL) == -1 ? nil : $0 }
        }
        return ["/dev/stdout": STDOUT_FILENO, "/dev/stderr": STDERR_FILENO][path]
    }

    /// Replaces the existing file, if there is one.
    func replace(_ former: stat?) throws {
        guard former.map({ $0.st_nlink == 1 && $0.st_uid == geteuid() }) ?? !isLink else { return try writeThrough() }
        let target = former == nil ? path : URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let folder = URL(fileURLWithPath: target).deletingLastPathComponent()
        let name = folder.appendingPathComponent(".curfew-plan-\(UInt64.random(in: 0...UInt64.max))").path
        let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            // A folder that accepts no new file may contain one that is writable.
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
        // A mount point of a single file can't be replaced.
        let reason = errno
        unlink(name)
        guard former != nil else { throw failure(reason, isOpening: true) }
        try writeThrough()
    }

    private var isLink: Bool {
        var facts = stat()
        return lstat(path, &facts) == 0
    }

    /// Writes into the existing file.
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
        // Some file systems report a full disk only on close.
        isOpen = false
        guard close(descriptor) == 0 else { throw failure(errno) }
    }

    /// Writes everything; if the reader is gone, the rest is dropped.
    func write(to descriptor: Int32) throws {
        let reason = Output.failure(of: bytes, to: descriptor)
        guard reason == 0 || reason == EPIPE else { throw failure(reason) }
    }

    /// The error for people: a path that doesn't exist is wrong usage, a full disk is not.
    private func failure(_ reason: Int32, isOpening: Bool = false) -> CurfewError {
        let isUsage = isOpening && ![ENOSPC, EDQUOT, EIO].contains(reason)
        return CurfewError(
            isUsage ? .usage : .damaged, "\(path): the plan can't be written: \(String(cString: strerror(reason)))")
    }
}

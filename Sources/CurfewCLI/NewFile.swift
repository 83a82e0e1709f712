internal import Curfew
internal import Foundation
internal import Glibc
internal import RedisClient

/// A file that a command writes, and never over another.
enum NewFile {
    /// Throws if there is such a file already, before any work is done for it.
    static func check(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path.readable) else { return }
        throw CurfewError(.usage, "\(path) exists already: expected a file that doesn't, or --output - for a look")
    }

    /// Writes it; only its owner may read it, since it may get secrets.
    static func write(_ text: String, to path: String) throws {
        let descriptor = open(path.readable, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            guard errno != EEXIST else { return try check(path) }
            throw CurfewError(.usage, "\(path) can't be written: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let reason = Output.failure(of: ByteText.readable(text.utf8), to: descriptor)
        guard reason == 0 else {
            throw CurfewError(.usage, "\(path) can't be written: \(String(cString: strerror(reason)))")
        }
        Output.note("curfew: \(path) written".printable + "\n")
    }
}

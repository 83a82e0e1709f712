internal import Curfew
internal import Foundation
internal import Glibc

/// A folder for a private server, which nobody else may look into.
enum PrivateFolder {
    /// Makes one among the temporary files; its name begins with a word and the number of this process.
    static func make(_ word: String, for server: String) throws -> URL {
        let named = ProcessInfo.processInfo.environment["TMPDIR"] ?? ""
        // Left empty it would be the root of the file system.
        let parent = URL(fileURLWithPath: named.isEmpty ? "/tmp" : named)
        let name = "\(word)-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max))"
        let folder = parent.appendingPathComponent(name)
        guard mkdir(folder.path, 0o700) == 0 else {
            let reason = String(cString: strerror(errno))
            throw CurfewError(
                .unreachable,
                "the private \(server) needs a folder for temporary files that can be written to, and \(parent.path) isn't one "
                    + "(\(reason)): TMPDIR names another")
        }
        return folder
    }
}

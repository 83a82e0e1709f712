internal import Curfew
internal import Foundation
internal import Glibc

/// A folder for a private server, readable by its owner only.
enum PrivateFolder {
    /// Creates a folder in the temporary folder; its name begins with a word and the process id.
    static func make(_ word: String, for server: String) throws -> URL {
        let named = ProcessInfo.processInfo.environment["TMPDIR"] ?? ""
        // An empty TMPDIR would mean the root of the file system.
        let parent = URL(fileURLWithPath: named.isEmpty ? "/tmp" : named)
        let name = "\(word)-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max))"
        let folder = parent.appendingPathComponent(name)
        guard mkdir(folder.path, 0o700) == 0 else {
            let reason = String(cString: strerror(errno))
            throw CurfewError(
                .unreachable,
                "the private \(server) needs a writable temporary folder, but \(parent.path) can't be used "
                    + "(\(reason)): set TMPDIR to another folder")
        }
        return folder
    }
}

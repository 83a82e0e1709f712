internal import Foundation
internal import Synchronization

/// The time zones that the machine has: the folder which its packages keep up to date.
///
/// A file is read again where it is another one than it was, so that a worker which runs for months follows what its machine
/// is told.
final class ZoneFolder: Sendable {
    /// Where systems have it.
    private static let usual = [
        "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo",
    ]

    /// That of this machine; `TZDIR` names another, as it does for every program.
    static let system = ZoneFolder(
        paths: ProcessInfo.processInfo.environment["TZDIR"].map { $0.isEmpty ? usual : [$0] } ?? usual)

    private let paths: [String]
    private let known = Mutex<[String: Known]>([:])

    private struct Known {
        let stamp: Stamp
        let file: ZoneFile?
    }

    /// What tells one file from another that takes its place.
    private struct Stamp: Equatable {
        let inode: UInt64
        let size: Int64
        /// The time of the last change as the system keeps it, to be compared and nothing else.
        let modified: [UInt8]
        let device: UInt64
    }

    init(paths: [String]) {
        self.paths = paths
    }

    /// The folder; nil where there is none.
    var path: String? { paths.first { access("\($0)/.", R_OK) == 0 } }

    /// What is known of a zone now; nil where there is no file, or none that can be read.
    func zone(_ name: String) -> ZoneFile? {
        guard Self.isName(name), let path, let stamp = Self.stamp(of: "\(path)/\(name)") else { return nil }
        if let found = known.withLock({ $0[name] }), found.stamp == stamp { return found.file }
        let file = FileManager.default.contents(atPath: "\(path)/\(name)").flatMap { ZoneFile(Array($0)) }
        known.withLock { $0[name] = Known(stamp: stamp, file: file) }
        return file
    }

    /// Whether there is a file of that name, readable or not.
    func has(_ name: String) -> Bool {
        guard Self.isName(name), let path else { return false }
        return Self.stamp(of: "\(path)/\(name)") != nil
    }

    /// The version of the data, such as 2026a; nil where the folder doesn't say.
    var version: String? {
        guard let path else { return nil }
        for name in ["tzdata.zi", "+VERSION", "version"] {
            guard let file = FileHandle(forReadingAtPath: "\(path)/\(name)") else { continue }
            defer { file.closeFile() }
            let text = String(decoding: file.readData(ofLength: 200), as: UTF8.self)
            guard let line = text.split(whereSeparator: \.isNewline).first else { continue }
            let word = line.split { $0 == " " || $0 == "#" }.last { $0.first?.isNumber == true }
            if let word { return String(word) }
        }
        return nil
    }

    /// Whether it is the name of a zone: no way out of the folder.
    private static func isName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = name.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "+-_/".utf8.contains($0)
        }
        return isPlain && parts.allSatisfy { !$0.isEmpty } && name.utf8.count < 100
    }

    private static func stamp(of path: String) -> Stamp? {
        var found = stat()
        guard stat(path, &found) == 0, found.st_mode & S_IFMT == S_IFREG, found.st_size <= ZoneFile.mostBytes else {
            return nil
        }
        return Stamp(
            inode: UInt64(found.st_ino), size: Int64(found.st_size),
            modified: withUnsafeBytes(of: found.st_mtim) { Array($0) }, device: UInt64(found.st_dev))
    }
}

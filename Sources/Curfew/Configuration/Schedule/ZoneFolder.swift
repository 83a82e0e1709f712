internal import Foundation
internal import Synchronization

/// The time zone files of the machine, in the folder that its packages update.
///
/// A file is read again if it has changed, so that a worker that runs for months follows the updates of its machine.
final class ZoneFolder: Sendable {
    /// The usual folders.
    private static let usual = [
        "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo",
    ]

    /// The folder of this machine; `TZDIR` overrides it, as for every program.
    static let system = ZoneFolder(
        paths: ProcessInfo.processInfo.environment["TZDIR"].map { $0.isEmpty ? usual : [$0] } ?? usual)

    private let paths: [String]
    private let known = Mutex<[String: Known]>([:])

    private struct Known {
        let stamp: Stamp
        let file: ZoneFile?
    }

    /// Detects that a file was replaced.
    private struct Stamp: Equatable {
        let inode: UInt64
        let size: Int64
        /// The time of the last change, used for comparison only.
        let modified: [UInt8]
        let device: UInt64
    }

    init(paths: [String]) {
        self.paths = paths
    }

    /// The folder; nil if there is none.
    var path: String? { paths.first { access("\($0)/.", R_OK) == 0 } }

    /// The current data of a zone; nil if there is no readable file.
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

    /// The version of the data, such as 2026a; nil if the folder has no version.
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

    /// Whether it is a valid zone name, which can't lead out of the folder.
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

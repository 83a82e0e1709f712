internal import Foundation
internal import Glibc
internal import Logging
internal import ServiceLifecycle

/// Gives back the pages of the program that only its start needed, once a worker runs.
///
/// The start goes through much of the program a single time: the language's runtime looks for conformances, the
/// configuration is read, servers are set up. Those pages are unchanged copies of the file, yet a process that has once
/// touched them counts them as its memory, and the system thinks that they are in use. What is needed after all comes
/// back from the system's cache of the file.
struct StartPages: Service {
    private let delay: Duration
    private let logger: Logger

    /// - Parameter delay: how long after the start the pages are given back.
    init(after delay: Duration = .seconds(2), logger: Logger) {
        self.delay = delay
        self.logger = logger
    }

    /// Gives them back once, and waits for the graceful shutdown.
    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: delay) }
        } catch is CancellationError {
            return
        }
        let bytes = Self.giveBack()
        logger.debug("the pages of the program's start are given back", metadata: ["bytes": "\(bytes)"])
        try await gracefulShutdown()
    }

    /// Gives back the code of the program.
    ///
    /// - Returns: how many bytes of it are mapped; 0 where the system doesn't say.
    static func giveBack() -> Int {
        var bytes = 0
        for range in code()
        where madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED) == 0 {
            bytes += range.count
        }
        return bytes
    }

    /// Where the code of this program is.
    ///
    /// Nobody writes there, so that the file has all of it.
    private static func code() -> [Range<UInt>] {
        guard let program = readlink("/proc/self/exe"),
            let maps = FileManager.default.contents(atPath: "/proc/self/maps")
        else { return [] }
        return String(decoding: maps, as: UTF8.self).split(separator: "\n").compactMap { line in
            // address permissions offset device inode path, which may have spaces
            let parts = line.split(separator: " ", maxSplits: 5)
            guard parts.count == 6, parts[1] == "r-xp", parts[5].drop(while: { $0 == " " }) == program else {
                return nil
            }
            let ends = parts[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            return ends.count == 2 && ends[0] < ends[1] ? ends[0]..<ends[1] : nil
        }
    }

    private static func readlink(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = Glibc.readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }
}

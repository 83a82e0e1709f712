internal import Foundation
internal import Glibc
internal import Synchronization

/// Folders of servers that live as long as the test process: they go with it.
///
/// The servers are killed when the process ends, so that nobody else can remove what they kept.
enum FoldersAtExit {
    private static let folders = Mutex<Set<String>>([])

    /// Begins with the first folder to wait for the end of the process.
    private static let isWaiting: Bool =
        atexit {
            for folder in FoldersAtExit.folders.withLock({ $0 }) {
                _ = try? FileManager.default.removeItem(atPath: folder)
            }
        } == 0

    /// Has it removed at the end.
    static func add(_ folder: String) {
        guard isWaiting else { return }
        _ = folders.withLock { $0.insert(folder) }
    }

    /// It is removed already.
    static func forget(_ folder: String) {
        _ = folders.withLock { $0.remove(folder) }
    }
}

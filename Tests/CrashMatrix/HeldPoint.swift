internal import Foundation
internal import TestSupport

/// A place in the engine where the first instance that comes by waits until it is let go.
///
/// The other end is `FailPoint` in the engine: an instance that can make the file writes its process id into it, and
/// waits there until the file gets longer.
struct HeldPoint: Sendable {
    /// What `CURFEW_FAIL_POINTS` says of it.
    let text: String
    private let file: String

    init(_ failPoint: String, of cleanup: String, arrival: Int, folder: String) {
        file = "\(folder)/\(failPoint)-\(cleanup)-\(arrival)"
        text = "\(failPoint)@\(cleanup)#\(arrival)=\(file)"
    }

    /// Lets everybody pass until ``arm()``.
    func disarm() throws { try "disarmed\n".write(toFile: file, atomically: true, encoding: .utf8) }

    /// Holds up whoever comes next.
    func arm() throws { try FileManager.default.removeItem(atPath: file) }

    /// Waits until somebody is held up, and answers the process id.
    func caught(within limit: Duration) async throws -> Int32 {
        try await eventually("an instance comes to \(text)", within: limit, every: .milliseconds(2)) {
            guard let data = FileManager.default.contents(atPath: file), data.last == 10 else { return nil }
            return Int32(String(decoding: data.dropLast(), as: UTF8.self))
        }
    }

    /// Lets it go on; nobody is held up there again.
    func release() throws {
        guard let handle = FileHandle(forWritingAtPath: file) else { return }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("go\n".utf8))
        try handle.close()
    }
}

internal import Foundation

extension RedisServer {
    /// Whether the `redis-server` that tests start can do TLS: the one of a distribution can, many others were built
    /// without it.
    package static var hasTLS: Bool {
        get async throws { try await look.value }
    }

    /// It ends at once in any case: over a file that isn't there, or over the wish.
    private static let look = Task {
        let log = "\(FileManager.default.temporaryDirectory.path)/curfew-\(UInt64.random(in: 0...UInt64.max)).log"
        let arguments = ["--port", "0", "--tls-port", "1", "--tls-cert-file", "/nowhere", "--save", ""]
        _ = try await ChildProcess(["redis-server"] + arguments, output: log).wait(atMost: .seconds(30))
        let text = try String(contentsOfFile: log, encoding: .utf8)
        try FileManager.default.removeItem(atPath: log)
        // Servers of before 7.0 don't know the words then.
        return !["Failed finding TLS support", "Bad directive"].contains { text.contains($0) }
    }
}

internal import Glibc

/// A server on 127.0.0.1 whose connections are established and never answered, as by a process that is frozen.
package struct SilentServer: Sendable {
    /// The port it listens on.
    package let port: Int

    /// Runs a body with a server.
    package static func withServer<Result>(_ body: (SilentServer) async throws -> Result) async throws -> Result {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failure = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                bind(descriptor, general, size) | getsockname(descriptor, general, &size)
            }
        }
        // The kernel establishes the connections; nobody takes them.
        guard failure == 0, listen(descriptor, 16) == 0 else { throw ChildProcessError("no free port") }
        return try await body(SilentServer(port: Int(UInt16(bigEndian: address.sin_port))))
    }
}

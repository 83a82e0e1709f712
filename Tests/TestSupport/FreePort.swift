internal import Glibc

/// A port of 127.0.0.1 that nobody listens on.
///
/// Somebody else may take it before it is used.
package func freePort() throws -> Int {
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
    guard failure == 0 else { throw ChildProcessError("no free port") }
    return Int(UInt16(bigEndian: address.sin_port))
}

internal import Glibc
internal import NIOCore
internal import NIOPosix

/// The addresses of a host name, and those that were left because a replica was found there: they are skipped while
/// another address may be the primary.
///
/// Used on the event loop of its connections.
final class NamedAddresses {
    private var known: [SocketAddress] = []
    private var left: Set<SocketAddress> = []

    /// Whether there is an address that was not left.
    var hasOther: Bool { known.contains { !left.contains($0) } }

    /// An address was useless for now.
    func leave(_ address: SocketAddress?) {
        if let address { left.insert(address) }
    }

    /// The address to try among those that the name has now; nil if they are equally good.
    func choose(among found: [SocketAddress]) -> SocketAddress? {
        known = found
        if found.count == 1 { return found[0] }
        guard !left.isEmpty else { return nil }
        let others = found.filter { !left.contains($0) }
        // All were tried: a former replica may be the primary by now.
        if others.isEmpty { left = [] }
        return others.first
    }

    /// Resolves a name; returns nothing if it is unknown.
    static func resolve(_ host: String, _ port: Int, on loop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            var hints = addrinfo()
            hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
            var list: UnsafeMutablePointer<addrinfo>?
            guard getaddrinfo(host, String(port), &hints, &list) == 0 else { return [] }
            defer { freeaddrinfo(list) }
            var found: [SocketAddress] = []
            var next = list
            while let entry = next?.pointee {
                next = entry.ai_next
                guard let address = entry.ai_addr else { continue }
                let raw = UnsafeRawPointer(address)
                switch entry.ai_family {
                case AF_INET: found.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in.self), host: host))
                case AF_INET6: found.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self), host: host))
                default: break
                }
            }
            return found
        }
    }
}

internal import Curfew

/// The origin that requests are counted by: an IPv4 address, or the 64-bit network of an IPv6 address, which belongs to
/// one customer.
enum Origin: Hashable, Sendable {
    case network(NetworkAddress)
    case other(String)

    /// The origin of an address.
    init(_ address: String) {
        self = NetworkAddress(address).map { .network($0.isVersion6 ? $0.network(ofBits: 64) : $0) } ?? .other(address)
    }
}

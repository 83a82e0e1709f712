internal import Curfew

/// Where requests come from, as strangers are counted: an address of version 4, or the network of one of version 6, of which
/// one customer has the first 64 bits and all that is behind them.
enum Origin: Hashable, Sendable {
    case network(NetworkAddress)
    case other(String)

    /// The origin that an address is counted as.
    init(_ address: String) {
        self = NetworkAddress(address).map { .network($0.isVersion6 ? $0.network(ofBits: 64) : $0) } ?? .other(address)
    }
}

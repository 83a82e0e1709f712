internal import Glibc

/// An address of the internet protocol, by its bytes: one address, however it is written.
///
/// IPv4 within IPv6 (`::ffff:10.0.0.1`) is the IPv4 address that it stands for.
package struct NetworkAddress: Sendable, Hashable {
    /// 4 or 16 of them.
    let bytes: [UInt8]

    /// Reads an address; nil where it is none.
    ///
    /// A zone (`fe80::1%eth0`) is left out.
    package init?(_ text: some StringProtocol) {
        let text = String(text.prefix { $0 != "%" })
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: &four) { Array($0) }
            return
        }
        var sixteen = in6_addr()
        guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
        let all = withUnsafeBytes(of: &sixteen) { Array($0) }
        let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
        bytes = isMapped ? Array(all.suffix(4)) : all
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether it is one of version 6.
    package var isVersion6: Bool { bytes.count == 16 }

    /// The network that it is in: its first bits, and zeros.
    package func network(ofBits bits: Int) -> NetworkAddress {
        NetworkAddress(
            bytes: bytes.enumerated().map { place, byte in
                let kept = min(max(bits - place * 8, 0), 8)
                return kept == 8 ? byte : byte & ~(UInt8.max >> UInt8(kept))
            })
    }
}

/// Addresses that begin alike: `10.0.0.0/8`; one alone without a `/`.
package struct NetworkRange: Sendable, Hashable {
    /// The first of them.
    let base: NetworkAddress
    /// How many bits they share.
    let bits: Int

    /// Reads a range; nil where it is none.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = NetworkAddress(parts[0]) else { return nil }
        let most = address.bytes.count * 8
        guard parts.count == 2 else {
            (base, bits) = (address, most)
            return
        }
        guard parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let bits = Int(parts[1]), bits <= most else {
            return nil
        }
        (base, self.bits) = (address.network(ofBits: bits), bits)
    }

    /// Whether an address is one of them.
    package func contains(_ address: NetworkAddress) -> Bool {
        address.bytes.count == base.bytes.count && address.network(ofBits: bits) == base
    }
}

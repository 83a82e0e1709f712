internal import Glibc

/// An IP address by its bytes, whatever its notation.
///
/// An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is the IPv4 address.
package struct NetworkAddress: Sendable, Hashable {
    /// 4 or 16 bytes.
    let bytes: [UInt8]

    /// Parses an address; nil if it isn't one.
    ///
    /// A zone (`fe80::1%eth0`) is ignored.
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

    /// Whether it is an IPv6 address.
    package var isVersion6: Bool { bytes.count == 16 }

    /// Its network: the first bits, followed by zeros.
    package func network(ofBits bits: Int) -> NetworkAddress {
        NetworkAddress(
            bytes: bytes.enumerated().map { place, byte in
                let kept = min(max(bits - place * 8, 0), 8)
                return kept == 8 ? byte : byte & ~(UInt8.max >> UInt8(kept))
            })
    }
}

/// A range of addresses: `10.0.0.0/8`; without a `/`, a single one.
package struct NetworkRange: Sendable, Hashable {
    /// The first address.
    let base: NetworkAddress
    /// The length of the prefix in bits.
    let bits: Int

    /// Parses a range; nil if it isn't one.
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

    /// Whether the range contains an address.
    package func contains(_ address: NetworkAddress) -> Bool {
        address.bytes.count == base.bytes.count && address.network(ofBits: bits) == base
    }
}

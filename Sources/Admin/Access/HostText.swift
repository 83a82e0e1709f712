internal import Curfew

/// The content of a `Host` header, parsed strictly: a name or an address, and an optional port.
struct HostText: Equatable {
    /// The host in lower case; an IPv6 address without its brackets.
    let name: String
    /// The port; nil if there is none.
    let port: Int?

    /// Parses it; nil for anything else, such as `localhost:80@evil.example` or `[::1].evil.example`.
    init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard Self.isFit(bytes) else { return nil }
        let isBracketed = bytes[0] == UInt8(ascii: "[")
        let parts = bytes.split(separator: isBracketed ? UInt8(ascii: "]") : UInt8(ascii: ":"), maxSplits: 1)
        let host = String(decoding: isBracketed ? parts[0].dropFirst() : parts[0], as: UTF8.self)
        if isBracketed, NetworkAddress(host) == nil { return nil }
        name = host.lowercased()
        let rest = parts.count > 1 ? parts[1].drop { $0 == UInt8(ascii: ":") } : []
        port = rest.isEmpty ? nil : Int(String(decoding: rest, as: UTF8.self))
    }

    /// Whether these bytes can be a host.
    ///
    /// Runs for every request, so it compares bytes.
    static func isFit(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
        guard let first = bytes.first else { return false }
        var rest = bytes[...]
        if first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = rest[..<end].dropFirst()
            guard address.contains(UInt8(ascii: ":")), address.allSatisfy(isPartOfAddress) else { return false }
            rest = rest[end...].dropFirst()
        } else {
            let name = rest.prefix { $0 != UInt8(ascii: ":") }
            guard !name.isEmpty, first != UInt8(ascii: "."), name.allSatisfy(isPartOfName) else { return false }
            rest = rest[name.endIndex...]
        }
        guard let colon = rest.first else { return true }
        let digits = rest.dropFirst()
        guard colon == UInt8(ascii: ":"), (1...5).contains(digits.count), digits.allSatisfy(isDigit) else {
            return false
        }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 65_535
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func isPartOfAddress(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte) || byte == 0x3A || byte == 0x2E
    }

    private static func isPartOfName(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    /// Whether both are the same host and port; a missing port means the default of the scheme.
    func isSame(as other: HostText, scheme: String) -> Bool {
        let usual = scheme == "https" ? 443 : 80
        return name == other.name && (port ?? usual) == (other.port ?? usual)
    }
}

internal import Curfew

/// What a `Host` header says, read strictly: a name or an address, and perhaps a port.
struct HostText: Equatable {
    /// The host in small letters, an address of version 6 without its brackets.
    let name: String
    /// The port; nil where none is named.
    let port: Int?

    /// Reads it; nil where it is anything else, as `localhost:80@evil.example` and `[::1].evil.example` are.
    init?(_ text: some StringProtocol) {
        let pattern = /(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*\.?))(?::([0-9]{1,5}))?/
        guard let match = String(text).wholeMatch(of: pattern) else { return nil }
        if let address = match.1 {
            guard address.contains(":"), NetworkAddress(address) != nil else { return nil }
        }
        guard let name = match.1 ?? match.2 else { return nil }
        self.name = name.lowercased()
        port = match.3.flatMap { Int($0) }
        if let port, port > 65_535 { return nil }
    }

    /// Whether it is the same place; a port that isn't named is the usual one of its scheme.
    func isSame(as other: HostText, scheme: String) -> Bool {
        let usual = scheme == "https" ? 443 : 80
        return name == other.name && (port ?? usual) == (other.port ?? usual)
    }
}

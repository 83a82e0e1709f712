internal import Curfew
internal import HTTPTypes
internal import Hummingbird

/// What proxies report about a request that they forward; believed only from trusted proxies.
struct Forwarding {
    /// The client: the last hop that no trusted proxy forwarded for.
    let address: String
    /// Whether the client's connection is encrypted.
    let isHTTPS: Bool
    /// The host that the client requested, besides the one in `Host`; nil if no proxy reports it.
    let host: String?

    /// Reads the headers of a request from that address.
    init(_ request: Request, from address: String, _ settings: HTTPSettings) {
        guard settings.trusts(address) else {
            (self.address, isHTTPS, host) = (address, settings.tls != nil, nil)
            return
        }
        var nearest = address
        for hop in Self.values("x-forwarded-for", request).reversed() {
            guard settings.trusts(nearest), let hop = Self.address(of: hop) else { break }
            nearest = hop
        }
        self.address = nearest
        let scheme = Self.values("x-forwarded-proto", request).first?.lowercased()
        isHTTPS = scheme.map { $0 == "https" } ?? (settings.tls != nil)
        host = Self.values("x-forwarded-host", request).first
    }

    /// Whether a header indicates a proxy.
    static func isSign(_ name: String) -> Bool {
        name.hasPrefix("x-forwarded-") || signs.contains(name)
    }

    private static let signs: Set = [
        "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-host", "x-original-for",
        "true-client-ip", "cf-connecting-ip", "cf-ray", "fastly-client-ip", "x-envoy-external-address",
    ]

    /// The elements of all headers of that name, in order.
    private static func values(_ name: String, _ request: Request) -> [String] {
        request.headers.filter { $0.name.canonicalName == name }.flatMap { field in
            field.value.split(separator: ",").map { part in
                String(part.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" })
            }
        }
    }

    /// The address without quotes, brackets and port; nil if it isn't an address.
    private static func address(of hop: String) -> String? {
        let text = hop.filter { $0 != "\"" }
        if NetworkAddress(text) != nil { return text }
        guard let host = HostText(text)?.name, NetworkAddress(host) != nil else { return nil }
        return host
    }
}

extension HTTPSettings {
    /// Whether an address is a trusted proxy, which forwards for many clients.
    func trusts(_ address: String) -> Bool {
        guard !trustedProxies.isEmpty, let address = NetworkAddress(address) else { return false }
        return trustedProxies.contains { $0.contains(address) }
    }
}

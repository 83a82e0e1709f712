internal import Curfew
internal import HTTPTypes
internal import Hummingbird

/// What proxies say of the requests that they send on: believed where it comes from one that the configuration trusts.
struct Forwarding {
    /// For whom it is: the last one on the way here whom no trusted proxy vouches for.
    let address: String
    /// Whether the way there is encrypted.
    let isHTTPS: Bool
    /// Under which host it was asked for, besides the one in `Host`; nil where no proxy says so.
    let host: String?

    /// Reads what came with a request from that address.
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

    /// Whether a header is the sign of a proxy.
    static func isSign(_ name: String) -> Bool {
        name.hasPrefix("x-forwarded-") || signs.contains(name)
    }

    private static let signs: Set = [
        "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-host", "x-original-for",
        "true-client-ip", "cf-connecting-ip", "cf-ray", "fastly-client-ip", "x-envoy-external-address",
    ]

    /// The parts of a list, of all headers of that name, from the first to the last.
    private static func values(_ name: String, _ request: Request) -> [String] {
        request.headers.filter { $0.name.canonicalName == name }.flatMap { field in
            field.value.split(separator: ",").map { part in
                String(part.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" })
            }
        }
    }

    /// The address without quotes, brackets and port; nil where it is none.
    private static func address(of hop: String) -> String? {
        let text = hop.filter { $0 != "\"" }
        if NetworkAddress(text) != nil { return text }
        guard let host = HostText(text)?.name, NetworkAddress(host) != nil else { return nil }
        return host
    }
}

extension HTTPSettings {
    /// Whether an address is that of a proxy which is believed, and behind which there are many.
    func trusts(_ address: String) -> Bool {
        guard !trustedProxies.isEmpty, let address = NetworkAddress(address) else { return false }
        return trustedProxies.contains { $0.contains(address) }
    }
}

internal import RedisClient

extension HTTPSettings {
    /// Shorter tokens can be guessed, also at the few attempts that an address has.
    private static let shortest = 16

    /// Reads the section; what is wrong with it is noted.
    init(_ section: Section) {
        self.init()
        section.expect(["listen", "admin-token", "viewer-token", "cron-secret", "metrics-open", "tls"])
        let expected = "an address with its port like 127.0.0.1:\(Self.usualPort) or [::1]:\(Self.usualPort)"
        if let listen = section.value("listen", expected: expected, Self.address) { (host, port) = listen }
        adminToken = Self.token("admin-token", section)
        viewerToken = Self.token("viewer-token", section)
        cronSecret = Self.token("cron-secret", section)
        isMetricsOpen = section.flag("metrics-open") ?? false
        tls = section.section("tls").flatMap(TLS.init)
        let hasAdmin = section.has("admin-token")
        if !isLoopback, !hasAdmin {
            section.problem(
                "listen",
                "\(section.isExpanded("listen") ? "this address" : host) can be reached from other machines, which needs an admin-token: "
                    + "set admin-token: ${CURFEW_ADMIN_TOKEN}, or listen on 127.0.0.1")
        }
        if viewerToken != nil, !hasAdmin {
            section.problem("viewer-token", "says who may only look, and without an admin-token everybody may do all")
        }
        if let viewerToken, viewerToken == adminToken {
            section.problem("viewer-token", "is the admin-token too, expected another")
        }
    }

    /// A host and a port; a bare host has the usual port.
    private static func address(_ text: String) -> (String, Int)? {
        guard let match = text.wholeMatch(of: /(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.\-]+))(?::([0-9]{1,5}))?/) else {
            return nil
        }
        guard let host = match.1 ?? match.2, let port = Int(match.3 ?? "\(usualPort)"), (0...65_535).contains(port)
        else { return nil }
        return (String(host), port)
    }

    private static func token(_ key: String, _ section: Section) -> Secret? {
        guard let text = section.text(key, expected: "a text of at least \(shortest) characters") else { return nil }
        let isFit = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        if text.utf8.count < shortest || !isFit {
            section.problem(
                key,
                "expected at least \(shortest) letters, digits and signs without spaces, as “openssl rand -hex 32” writes"
            )
        }
        return Secret(text)
    }
}

extension HTTPSettings.TLS {
    /// Reads the section; nil where a file is missing.
    init?(_ section: Section) {
        section.expect(["certificate", "key"])
        let certificate = section.text("certificate", isRequired: true, expected: "the path of a PEM file")
        let key = section.text("key", isRequired: true, expected: "the path of a PEM file")
        guard let certificate, let key else { return nil }
        self.init(certificate: certificate.readable, key: key.readable)
    }
}

internal import RedisClient

extension HTTPSettings {
    /// Names in events for people without a name, which nobody else may have.
    private static let reserved: Set = ["admin", "viewer", "cron", "unknown"]
    /// The most people of a role: each token in a request is compared with all of them.
    private static let mostPeople = 100

    /// Reads the section and reports its problems.
    init(_ section: Section) {
        self.init()
        section.expect([
            "listen", "open", "admin-token", "viewer-token", "admins", "viewers", "cron-secret", "metrics-open",
            "trusted-proxies", "tls",
        ])
        let expected = "an address with its port like 127.0.0.1:\(Self.usualPort) or [::1]:\(Self.usualPort)"
        if let listen = section.value("listen", expected: expected, Self.address) { (host, port) = listen }
        adminToken = Self.token("admin-token", section)
        viewerToken = Self.token("viewer-token", section)
        admins = Self.people("admins", section)
        viewers = Self.people("viewers", section)
        cronSecret = Self.token("cron-secret", section)
        isOpen = section.flag("open") ?? false
        isMetricsOpen = section.flag("metrics-open") ?? false
        trustedProxies = Self.ranges(section)
        tls = section.section("tls").flatMap(TLS.init)
        checkWhoIsLetIn(section)
        checkTokens(section)
    }

    private func checkWhoIsLetIn(_ section: Section) {
        // An invalid key still shows that access is meant to be configured.
        let place = section.isExpanded("listen") ? "this address" : host
        let hasAdmin = section.entry("admin-token") != nil || section.entry("admins") != nil
        if !isLoopback, !hasAdmin {
            section.problem(
                "listen",
                "\(place) can be reached from other machines, which requires an admin-token: "
                    + "set admin-token: ${CURFEW_ADMIN_TOKEN}, or listen on 127.0.0.1")
        }
        for key in ["viewer-token", "viewers"] where section.entry(key) != nil && !hasAdmin {
            section.problem(
                key, "gives read-only access, but nobody has admin rights: set admin-token as well")
        }
        guard isOpen else { return }
        if !isLoopback {
            section.problem(
                "open", "gives everyone access, but \(place) is not this machine only: expected listen: 127.0.0.1"
            )
        }
        for key in ["admin-token", "viewer-token", "admins", "viewers"] where section.entry(key) != nil {
            section.problem("open", "gives everyone access, and \(key) restricts it: expected only one of them")
        }
    }

    /// Two people with the same token can't be distinguished.
    private func checkTokens(_ section: Section) {
        var known: [Secret: String] = [:]
        let all =
            [("admin-token", adminToken), ("viewer-token", viewerToken)]
            + admins.map { ("admins.\($0.name)", $0.token) } + viewers.map { ("viewers.\($0.name)", $0.token) }
        for (key, token) in all {
            guard let token else { continue }
            if let other = known[token] { section.problem(key, "is also the \(other), expected another") }
            known[token] = known[token] ?? key
        }
    }

    /// A host and a port; a host without a port gets the default.
    private static func address(_ text: String) -> (String, Int)? {
        guard let match = text.wholeMatch(of: /(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.\-]+))(?::([0-9]{1,5}))?/) else {
            return nil
        }
        guard let host = match.1 ?? match.2, let port = Int(match.3 ?? "\(usualPort)"), (0...65_535).contains(port)
        else { return nil }
        return (String(host), port)
    }

    private static func ranges(_ section: Section) -> [NetworkRange] {
        let texts = section.entry("trusted-proxies") == nil ? [] : section.texts("trusted-proxies") ?? []
        return texts.compactMap { text in
            guard let range = NetworkRange(text) else {
                section.problem(
                    "trusted-proxies",
                    "\(section.quoted(text, of: "trusted-proxies")) is not an address, "
                        + "expected one like 10.0.0.5 or 10.0.0.0/8"
                )
                return nil
            }
            guard range.bits > 0 else {
                section.problem("trusted-proxies", "“\(text)” is every address, expected those of your proxies")
                return nil
            }
            return range
        }
    }

    private static func people(_ key: String, _ section: Section) -> [NamedToken] {
        guard let list = section.section(key) else { return [] }
        if list.entries.isEmpty {
            section.problem(key, "is empty, expected names with their tokens, like {ada: ${ADA_TOKEN}}")
        }
        if list.entries.count > mostPeople {
            section.problem(key, "expected at most \(mostPeople) people, found \(list.entries.count)")
        }
        return list.entries.prefix(mostPeople).compactMap { entry in
            NameRule.check(entry, in: list)
            if reserved.contains(entry.key.lowercased()) {
                list.problem(entry.key, "is reserved for people without a name, expected a person's name")
            }
            return token(entry.key, list).map { NamedToken(name: entry.key, token: $0) }
        }
    }

    private static func token(_ key: String, _ section: Section) -> Secret? {
        let expected = "a text of at least \(TokenStrength.shortest) characters"
        guard let text = section.secret(key, expected: expected, advice: " (\(TokenStrength.advice))") else {
            return nil
        }
        if !text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            section.problem(key, "expected letters, digits and punctuation without spaces: \(TokenStrength.advice)")
        } else if let weakness = TokenStrength.weakness(of: text) {
            section.problem(key, "\(weakness): \(TokenStrength.advice)")
        }
        return Secret(text)
    }
}

extension HTTPSettings.TLS {
    /// Reads the section; nil if a file is missing.
    init?(_ section: Section) {
        section.expect(["certificate", "key"])
        let certificate = section.text("certificate", isRequired: true, expected: "the path of a PEM file")
        let key = section.text("key", isRequired: true, expected: "the path of a PEM file")
        guard let certificate, let key else { return nil }
        self.init(certificate: certificate.readable, key: key.readable)
    }
}

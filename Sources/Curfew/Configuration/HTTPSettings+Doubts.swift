extension HTTPSettings {
    /// Something that is allowed, and that whoever runs it ought to know.
    package struct Doubt: Sendable, Equatable {
        /// The key that it is about.
        package let key: String
        /// What is so, and what to write where it isn't meant.
        package let message: String
    }

    /// What is to be known about who is let in: told at the start, by `config check` and by `doctor`.
    package var doubts: [Doubt] {
        var doubts: [Doubt] = []
        if isOpen {
            doubts.append(
                Doubt(
                    key: "open",
                    message:
                        "everybody who reaches this port may do everything, without a token: expected on a machine of "
                        + "your own alone; else set admin-token: ${CURFEW_ADMIN_TOKEN} in place of open: true"))
        } else if !hasTokens {
            doubts.append(Doubt(key: "admin-token", message: "nobody is let in: \(Self.wayIn)"))
        }
        let tokens =
            [("admin-token", adminToken), ("viewer-token", viewerToken), ("cron-secret", cronSecret)]
            + admins.map { ("admins.\($0.name)", $0.token) } + viewers.map { ("viewers.\($0.name)", $0.token) }
        for (key, token) in tokens {
            guard let token, TokenStrength.isLikely(token.revealed) else { continue }
            doubts.append(
                Doubt(key: key, message: "is made of words that are easily thought of: \(TokenStrength.advice)"))
        }
        guard !isLoopback else { return doubts }
        if tls == nil, trustedProxies.isEmpty {
            doubts.append(
                Doubt(
                    key: "tls",
                    message:
                        "tokens and sessions go over the network as plain text: set tls, or name the proxy that has it "
                        + "in trusted-proxies"))
        }
        if isMetricsOpen {
            doubts.append(
                Doubt(key: "metrics-open", message: "whoever reaches the port reads names of hosts, cleanups and types")
            )
        }
        return doubts
    }

    /// How somebody gets in where nobody does.
    package static let wayIn =
        "there is no token; set http: {admin-token: ${CURFEW_ADMIN_TOKEN}} (\(TokenStrength.advice)), or, on a machine of "
        + "your own, http: {open: true}"
}

extension Configuration {
    /// The same with their places in the file.
    func doubtsAboutHTTP(_ section: Section?, file: String) -> [ConfigurationError.Problem] {
        (http?.doubts ?? []).map { doubt in
            let line =
                doubt.key.split(separator: ".").first.flatMap { section?.entry(String($0))?.line } ?? section?.line
            return ConfigurationError.Problem(file: file, line: line, path: "http.\(doubt.key)", message: doubt.message)
        }
    }
}

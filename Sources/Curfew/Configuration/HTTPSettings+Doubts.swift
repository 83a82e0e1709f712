extension HTTPSettings {
    /// Something that is allowed but worth knowing.
    package struct Doubt: Sendable, Equatable {
        /// The key that it concerns.
        package let key: String
        /// What was found, and what to write instead.
        package let message: String
    }

    /// Remarks on access: logged at the start, and shown by `config check` and `doctor`.
    package var doubts: [Doubt] {
        var doubts: [Doubt] = []
        if isOpen {
            doubts.append(
                Doubt(
                    key: "open",
                    message:
                        "anyone who can reach this port may do everything, without a token: use this only on a machine "
                        + "of your own; otherwise set admin-token: ${CURFEW_ADMIN_TOKEN} instead of open: true")
            )
        } else if !hasTokens {
            doubts.append(Doubt(key: "admin-token", message: "access is not configured: \(Self.accessAdvice)"))
        }
        let tokens =
            [("admin-token", adminToken), ("viewer-token", viewerToken), ("cron-secret", cronSecret)]
            + admins.map { ("admins.\($0.name)", $0.token) } + viewers.map { ("viewers.\($0.name)", $0.token) }
        for (key, token) in tokens {
            guard let token, TokenStrength.isLikely(token.revealed) else { continue }
            doubts.append(
                Doubt(key: key, message: "consists of words that are easy to guess: \(TokenStrength.advice)"))
        }
        guard !isLoopback else { return doubts }
        if tls == nil, trustedProxies.isEmpty {
            doubts.append(
                Doubt(
                    key: "tls",
                    message:
                        "tokens and sessions cross the network as plain text: set tls, or list the proxy that has it "
                        + "in trusted-proxies"))
        }
        if isMetricsOpen {
            doubts.append(
                Doubt(
                    key: "metrics-open",
                    message: "anyone who reaches the port can read names of hosts, cleanups and types")
            )
        }
        return doubts
    }

    /// How to configure access.
    package static let accessAdvice =
        "there is no token; set http: {admin-token: ${CURFEW_ADMIN_TOKEN}} (\(TokenStrength.advice)) or, on a machine "
        + "of your own, http: {open: true}"
}

extension Configuration {
    /// The remarks with their places in the file.
    func doubtsAboutHTTP(_ section: Section?, file: String) -> [ConfigurationError.Problem] {
        (http?.doubts ?? []).map { doubt in
            let line =
                doubt.key.split(separator: ".").first.flatMap { section?.entry(String($0))?.line } ?? section?.line
            return ConfigurationError.Problem(file: file, line: line, path: "http.\(doubt.key)", message: doubt.message)
        }
    }
}

/// How an instance answers on HTTP: what the file says under `http`.
///
/// Tokens are compared, never shown: they are of a type that prints as dots.
package struct HTTPSettings: Sendable, Equatable {
    /// The port where the file names none.
    package static let usualPort = 8470

    /// The address that is listened on, itself without brackets.
    package var host: String
    /// The port; 0 takes a free one.
    package var port: Int
    /// What lets in somebody who may do everything.
    package var adminToken: Secret?
    /// What lets in somebody who may only look.
    package var viewerToken: Secret?
    /// Those who may do everything, by their names.
    package var admins: [NamedToken]
    /// Those who may only look, by their names.
    package var viewers: [NamedToken]
    /// What an outside scheduler shows to `/api/cron/…`.
    package var cronSecret: Secret?
    /// Whether everybody who reaches the port may do everything: for loopback alone, and only where the file says so.
    package var isOpen: Bool
    /// Whether `/metrics` is for everybody.
    package var isMetricsOpen: Bool
    /// The proxies that are believed when they say for whom they ask.
    package var trustedProxies: [NetworkRange]
    /// The certificate and its key; nil: no TLS.
    package var tls: TLS?

    /// A person, and the token that is theirs alone.
    package struct NamedToken: Sendable, Equatable {
        /// What they are called in everything that they do.
        package var name: String
        /// What they show.
        package var token: Secret

        /// Makes it.
        package init(name: String, token: Secret) {
            self.name = name
            self.token = token
        }
    }

    /// What a server needs for TLS: two PEM files.
    package struct TLS: Sendable, Equatable {
        /// The file with the certificate, and those that lead from it to its authority.
        package var certificate: String
        /// The file with its private key.
        package var key: String
    }

    /// The defaults are those of the file.
    package init(
        host: String = "127.0.0.1", port: Int = usualPort, adminToken: Secret? = nil, viewerToken: Secret? = nil,
        admins: [NamedToken] = [], viewers: [NamedToken] = [], cronSecret: Secret? = nil, isOpen: Bool = false,
        isMetricsOpen: Bool = false, trustedProxies: [NetworkRange] = [], tls: TLS? = nil
    ) {
        self.host = host
        self.port = port
        self.adminToken = adminToken
        self.viewerToken = viewerToken
        self.admins = admins
        self.viewers = viewers
        self.cronSecret = cronSecret
        self.isOpen = isOpen
        self.isMetricsOpen = isMetricsOpen
        self.trustedProxies = trustedProxies
        self.tls = tls
    }

    /// Whether anybody can be let in by a token.
    package var hasTokens: Bool {
        adminToken != nil || viewerToken != nil || !admins.isEmpty || !viewers.isEmpty
    }

    /// Whether only programs on the same machine can connect.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether a host is this machine alone: `localhost`, `127.…` or `::1`.
    package static func isLoopback(_ host: String) -> Bool {
        if ["localhost", "::1"].contains(host) { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

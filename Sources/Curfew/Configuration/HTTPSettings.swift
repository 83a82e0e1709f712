/// The HTTP settings of an instance: the section `http`.
///
/// Tokens are of a type that prints as dots.
package struct HTTPSettings: Sendable, Equatable {
    /// The default port.
    package static let usualPort = 8470

    /// The address to listen on, without brackets.
    package var host: String
    /// The port; 0 for any free port.
    package var port: Int
    /// The token for admin rights.
    package var adminToken: Secret?
    /// The token for read-only access.
    package var viewerToken: Secret?
    /// The people with admin rights.
    package var admins: [NamedToken]
    /// The people with read-only access.
    package var viewers: [NamedToken]
    /// The secret of an external scheduler for `/api/cron/…`.
    package var cronSecret: Secret?
    /// Whether anyone who can reach the port may do everything: for loopback only, and only if the file says so.
    package var isOpen: Bool
    /// Whether `/metrics` is public.
    package var isMetricsOpen: Bool
    /// The proxies whose forwarding headers are trusted.
    package var trustedProxies: [NetworkRange]
    /// The certificate and its key; nil for no TLS.
    package var tls: TLS?

    /// A person with a token of their own.
    package struct NamedToken: Sendable, Equatable {
        /// Their name, recorded with everything they do.
        package var name: String
        /// Their token.
        package var token: Secret

        /// Creates it.
        package init(name: String, token: Secret) {
            self.name = name
            self.token = token
        }
    }

    /// The TLS files of a server, in PEM format.
    package struct TLS: Sendable, Equatable {
        /// The certificate with its chain.
        package var certificate: String
        /// The private key.
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

    /// Whether there is any token.
    package var hasTokens: Bool {
        adminToken != nil || viewerToken != nil || !admins.isEmpty || !viewers.isEmpty
    }

    /// Whether only this machine can connect.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether a host is the loopback interface: `localhost`, `127.…` or `::1`.
    package static func isLoopback(_ host: String) -> Bool {
        if ["localhost", "::1"].contains(host) { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

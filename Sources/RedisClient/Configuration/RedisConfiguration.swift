/// Where a Redis server is, how to sign in, and the limits of a connection to it.
package struct RedisConfiguration: Sendable, Equatable {
    /// The server; with Sentinels or a cluster, the first to ask.
    package var address: Address
    /// Further Sentinels, or nodes of a cluster, to ask where the first doesn't answer.
    package var otherSeeds: [Address] = []
    /// Whether that is the server itself, or knows where it is.
    package var topology = Topology.standalone
    /// The user and password; nil where the server wants none.
    package var credentials: Credentials?
    /// The number of the database to select.
    package var database = 0
    /// TLS, and whom to trust; nil for a plain connection.
    package var tls: TLS?
    /// The key whose node is sent the commands that have no key, in a cluster.
    ///
    /// So that the time, for one, always comes from the same server.
    package var homeKey = ""
    /// How the connection is called in `CLIENT LIST`.
    package var clientName = "curfew"
    /// How long making a connection may take, and then signing in.
    package var connectTimeout = Duration.seconds(5)
    /// How long a command may take, waiting for a connection included, unless it is given a deadline of its own.
    package var commandDeadline = Duration.seconds(5)
    /// How often the silent connection of a subscription is probed; one that doesn't answer in this time is given up.
    ///
    /// Rarely: the kernel's own probes find a host that has gone, and an idle subscriber should cost nothing.
    package var probeInterval = Duration.seconds(300)
    /// The most bytes that one reply may have.
    package var replyBytesLimit = 64 << 20
    /// The most values that one reply may have, on all levels together.
    package var replyElementsLimit = 1 << 20
    /// The most commands that may wait for their replies at once.
    package var pendingLimit = 65_536

    /// A configuration of its parts.
    package init(address: Address) {
        self.address = address
    }
}

extension RedisConfiguration {
    /// Where a server listens.
    package enum Address: Sendable, Hashable, CustomStringConvertible {
        /// A TCP port of a host, given by name or number.
        case host(String, port: Int)
        /// A Unix domain socket.
        case unixSocket(path: String)

        /// The address for messages: `127.0.0.1:6379`, `[::1]:6379`, `/run/redis.sock`.
        package var description: String {
            switch self {
            case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            case .unixSocket(let path): path
            }
        }
    }

    /// A user and a password.
    ///
    /// Prints without the password, and shows none to a mirror or a debugger's `dump`.
    package struct Credentials: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
        /// The ACL user; nil for the default one.
        package var user: String?
        /// The password.
        package var password: String

        /// Credentials of a user, or of the default one.
        package init(user: String? = nil, password: String) {
            self.user = user
            self.password = password
        }

        /// The credentials with the password hidden.
        package var description: String { "\(user ?? ""):•••" }

        /// Shows the user alone.
        package var customMirror: Mirror { Mirror(self, children: ["user": user ?? ""]) }
    }

    /// How a TLS connection is made.
    package struct TLS: Sendable, Equatable {
        /// What of the server's certificate is checked.
        package enum Verification: String, Sendable, CaseIterable {
            /// The chain of trust and the host's name.
            case full
            /// The chain of trust alone.
            case ca
            /// Nothing: anyone in between can read and write everything.
            case none
        }

        /// What is checked.
        package var verification = Verification.full
        /// A PEM file with the authorities to trust; nil for those of the system.
        package var authorities: String?
        /// A PEM file with this client's certificate chain, where the server wants one.
        package var certificate: String?
        /// A PEM file with the key of the certificate.
        package var key: String?

        /// TLS with everything checked.
        package init() {}
    }
}

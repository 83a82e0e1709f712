/// The address of a Redis server, how to authenticate, and the limits of a connection.
package struct RedisConfiguration: Sendable, Equatable {
    /// The server; with Sentinels or a cluster, the first one to ask.
    package var address: Address
    /// Further Sentinels or cluster nodes to ask if the first one doesn't answer.
    package var otherSeeds: [Address] = []
    /// The topology.
    package var topology = Topology.standalone
    /// The user and password; nil if the server needs none.
    package var credentials: Credentials?
    /// The number of the database to select.
    package var database = 0
    /// The TLS settings; nil for a plain connection.
    package var tls: TLS?
    /// In a cluster, the key whose node gets the commands without a key.
    ///
    /// So the time, for example, always comes from the same server.
    package var homeKey = ""
    /// The name of the connection in `CLIENT LIST`.
    package var clientName = "curfew"
    /// How long connecting may take, and then authentication.
    package var connectTimeout = Duration.seconds(5)
    /// How long a command may take, including waiting for a connection, unless it has its own deadline.
    package var commandDeadline = Duration.seconds(5)
    /// How often the silent connection of a subscription is probed; it is closed if there is no answer in this time.
    ///
    /// Rarely: the kernel's own probes find a dead host, and an idle subscriber should cost nothing.
    package var probeInterval = Duration.seconds(300)
    /// The most bytes of one reply.
    package var replyBytesLimit = 64 << 20
    /// The most values of one reply, on all levels together.
    package var replyElementsLimit = 1 << 20
    /// The most commands that may wait for replies at the same time.
    package var pendingLimit = 65_536

    /// Creates a configuration.
    package init(address: Address) {
        self.address = address
    }
}

extension RedisConfiguration {
    /// The address of a server.
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
    /// It prints without the password, also in a mirror or a debugger's `dump`.
    package struct Credentials: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
        /// The ACL user; nil for the default one.
        package var user: String?
        /// The password.
        package var password: String

        /// Creates credentials of a user, or of the default user.
        package init(user: String? = nil, password: String) {
            self.user = user
            self.password = password
        }

        /// The credentials with the password hidden.
        package var description: String { "\(user ?? ""):•••" }

        /// Shows the user only.
        package var customMirror: Mirror { Mirror(self, children: ["user": user ?? ""]) }
    }

    /// The TLS settings of a connection.
    package struct TLS: Sendable, Equatable {
        /// What is verified in the server's certificate.
        package enum Verification: String, Sendable, CaseIterable {
            /// The chain of trust and the host's name.
            case full
            /// The chain of trust only.
            case ca
            /// Nothing: anyone in between can read and change everything.
            case none
        }

        /// What is verified.
        package var verification = Verification.full
        /// A PEM file with the trusted authorities; nil for those of the system.
        package var authorities: String?
        /// A PEM file with the client's certificate chain, if the server requires one.
        package var certificate: String?
        /// A PEM file with the key of that certificate.
        package var key: String?

        /// Creates settings with full verification.
        package init() {}
    }
}

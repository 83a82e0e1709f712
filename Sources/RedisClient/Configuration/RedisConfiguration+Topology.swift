extension RedisConfiguration {
    /// The relation between the servers, which decides how they are used.
    package enum Topology: Sendable, Equatable {
        /// One server, at ``RedisConfiguration/address``.
        case standalone
        /// A primary with replicas; Sentinels at the ``RedisConfiguration/seeds`` know the primary.
        case sentinel(Sentinel)
        /// Several primaries, each with a part of the keys; the ``RedisConfiguration/seeds`` are some of them.
        case cluster
    }

    /// The primary to ask Sentinels for, and how to authenticate with them.
    package struct Sentinel: Sendable, Equatable {
        /// The name of the primary at the Sentinels: `mymaster`.
        package var name: String
        /// The user and password of the Sentinels themselves; nil if they need none.
        ///
        /// Those of the server are never sent to a Sentinel.
        package var credentials: Credentials?

        /// Creates the settings of Sentinels with a primary of this name.
        package init(name: String, credentials: Credentials? = nil) {
            self.name = name
            self.credentials = credentials
        }
    }

    /// All configured addresses: the server, or the first Sentinels or nodes to ask.
    package var seeds: [Address] { [address] + otherSeeds }

    /// The servers, for messages: `127.0.0.1:6379`, `mymaster (by the Sentinels at h1:26379, h2:26379)`, `the cluster
    /// at h1:7000, h2:7001`.
    package var place: String {
        let addresses = seeds.map(\.description).joined(separator: ", ")
        return switch topology {
        case .standalone: address.description
        case .sentinel(let sentinel): "\(sentinel.name) (by the Sentinels at \(addresses))"
        case .cluster: "the cluster at \(addresses)"
        }
    }

    /// The configuration of each Sentinel; empty without Sentinels.
    package var sentinels: [RedisConfiguration] {
        guard case .sentinel(let sentinel) = topology else { return [] }
        return seeds.map { self.sentinel(sentinel, at: $0) }
    }

    /// The configuration of a Sentinel: like that of a server, but with its own credentials and short timeouts, since
    /// there are others.
    func sentinel(_ sentinel: Sentinel, at address: Address) -> RedisConfiguration {
        var configuration = at(address)
        configuration.credentials = sentinel.credentials
        configuration.database = 0
        configuration.connectTimeout = min(connectTimeout, .seconds(1))
        configuration.commandDeadline = min(commandDeadline, .seconds(1))
        return configuration
    }

    /// The configuration of one server, used for a node that was found.
    func at(_ address: Address) -> RedisConfiguration {
        var configuration = self
        configuration.address = address
        configuration.otherSeeds = []
        configuration.topology = .standalone
        return configuration
    }
}

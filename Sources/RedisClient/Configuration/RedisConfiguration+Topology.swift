extension RedisConfiguration {
    /// How the servers stand to each other, and so which of them are talked to.
    package enum Topology: Sendable, Equatable {
        /// One server, at ``RedisConfiguration/address``.
        case standalone
        /// A primary with replicas; Sentinels at the ``RedisConfiguration/seeds`` know which of them it is.
        case sentinel(Sentinel)
        /// Many primaries, each with a part of the keys; the ``RedisConfiguration/seeds`` are some of them.
        case cluster
    }

    /// What is asked of the Sentinels, and how they are signed in to.
    package struct Sentinel: Sendable, Equatable {
        /// The name that they know the primary by: `mymaster`.
        package var name: String
        /// The user and password of the Sentinels themselves; nil where they want none.
        ///
        /// Those of the server are never shown to a Sentinel.
        package var credentials: Credentials?

        /// Sentinels that know a primary of this name.
        package init(name: String, credentials: Credentials? = nil) {
            self.name = name
            self.credentials = credentials
        }
    }

    /// Every address that the configuration names: the server's, or those of the first Sentinels or nodes to ask.
    package var seeds: [Address] { [address] + otherSeeds }

    /// What is connected to, for messages: `127.0.0.1:6379`, `mymaster (by the Sentinels at h1:26379, h2:26379)`,
    /// `the cluster at h1:7000, h2:7001`.
    package var place: String {
        let addresses = seeds.map(\.description).joined(separator: ", ")
        return switch topology {
        case .standalone: address.description
        case .sentinel(let sentinel): "\(sentinel.name) (by the Sentinels at \(addresses))"
        case .cluster: "the cluster at \(addresses)"
        }
    }

    /// How each of the Sentinels that it names is connected to; none where there are no Sentinels.
    package var sentinels: [RedisConfiguration] {
        guard case .sentinel(let sentinel) = topology else { return [] }
        return seeds.map { self.sentinel(sentinel, at: $0) }
    }

    /// How a Sentinel is connected to: as a server is, but with credentials of its own and no patience, since there are
    /// others.
    func sentinel(_ sentinel: Sentinel, at address: Address) -> RedisConfiguration {
        var configuration = at(address)
        configuration.credentials = sentinel.credentials
        configuration.database = 0
        configuration.connectTimeout = min(connectTimeout, .seconds(1))
        configuration.commandDeadline = min(commandDeadline, .seconds(1))
        return configuration
    }

    /// The same of one server alone: how a node that was found is connected to.
    func at(_ address: Address) -> RedisConfiguration {
        var configuration = self
        configuration.address = address
        configuration.otherSeeds = []
        configuration.topology = .standalone
        return configuration
    }
}

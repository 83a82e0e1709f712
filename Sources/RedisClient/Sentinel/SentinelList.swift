/// The known Sentinels, in the order of asking.
///
/// The last one that answered comes first, and one that didn't answer goes last: a Sentinel that hangs costs its
/// timeout once, not for every question.
struct SentinelList {
    /// How many are kept; the configured ones are always kept.
    static let limit = 64

    /// The addresses, in the order of asking.
    private(set) var addresses: [RedisConfiguration.Address]
    private let seeds: [RedisConfiguration.Address]

    /// Starts with the configured Sentinels.
    init(seeds: [RedisConfiguration.Address]) {
        self.seeds = seeds
        addresses = seeds
    }

    /// A Sentinel has named the primary.
    mutating func answered(_ address: RedisConfiguration.Address) {
        guard let position = addresses.firstIndex(of: address) else { return }
        addresses.insert(addresses.remove(at: position), at: 0)
    }

    /// A Sentinel gave no answer, or a wrong one.
    mutating func failed(_ address: RedisConfiguration.Address) {
        guard let position = addresses.firstIndex(of: address) else { return }
        addresses.append(addresses.remove(at: position))
    }

    /// Adds the other Sentinels that one knows, in case all configured ones disappear.
    ///
    /// Sentinels learned before that aren't among them are removed, and so are those beyond the limit.
    mutating func learn(_ others: [RedisConfiguration.Address], from teacher: RedisConfiguration.Address) {
        addresses.removeAll { !seeds.contains($0) && $0 != teacher && !others.contains($0) }
        for other in others where !addresses.contains(other) && addresses.count < Self.limit {
            addresses.append(other)
        }
    }
}

/// The Sentinels that are known, in the order in which they are asked.
///
/// The one that answered last comes first, and one that did not goes last: a Sentinel that hangs costs its time once,
/// not with every question.
struct SentinelList {
    /// How many are kept at most; those of the configuration always are.
    static let limit = 64

    /// The addresses, the first to be asked at the front.
    private(set) var addresses: [RedisConfiguration.Address]
    private let seeds: [RedisConfiguration.Address]

    /// The Sentinels that a configuration names.
    init(seeds: [RedisConfiguration.Address]) {
        self.seeds = seeds
        addresses = seeds
    }

    /// One has said where the primary is.
    mutating func answered(_ address: RedisConfiguration.Address) {
        guard let position = addresses.firstIndex(of: address) else { return }
        addresses.insert(addresses.remove(at: position), at: 0)
    }

    /// One gave no answer, or a wrong one.
    mutating func failed(_ address: RedisConfiguration.Address) {
        guard let position = addresses.firstIndex(of: address) else { return }
        addresses.append(addresses.remove(at: position))
    }

    /// Takes in those that a Sentinel knows beside itself, for the case that all of the configuration have gone.
    ///
    /// What was learned before and is not among them is forgotten; so are those beyond the limit.
    mutating func learn(_ others: [RedisConfiguration.Address], from teacher: RedisConfiguration.Address) {
        addresses.removeAll { !seeds.contains($0) && $0 != teacher && !others.contains($0) }
        for other in others where !addresses.contains(other) && addresses.count < Self.limit {
            addresses.append(other)
        }
    }
}

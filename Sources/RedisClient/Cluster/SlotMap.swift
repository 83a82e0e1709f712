/// Which node of a cluster serves which slot.
struct SlotMap: Sendable, Equatable {
    /// More nodes than this are not believed; Redis recommends no more than 1,000.
    static let nodeLimit = 2_000
    private static let nobody = UInt16.max

    /// Those that serve slots, and those that did: slots name them by their position.
    private var known: [RedisConfiguration.Address] = []
    private var owners = [UInt16](repeating: nobody, count: RedisSlot.count)
    /// Nodes that serve none: replicas, who know the map too.
    private(set) var replicas: [RedisConfiguration.Address] = []

    /// A map on which nobody serves anything.
    init() {}

    /// Reads the reply to `CLUSTER SLOTS`.
    ///
    /// - Parameter address: the node that was asked; it may leave out its own host, or that of all.
    init(_ reply: RedisValue, from address: RedisConfiguration.Address) throws(RedisError) {
        guard reply.kind == .array else { throw .unreadableMap(reply, from: address) }
        for range in reply.elements {
            guard let first = range[0].integer, let last = range[1].integer, first >= 0, first <= last,
                last < RedisSlot.count, let owner = Self.node(range[2], from: address)
            else { throw .unreadableMap(range, from: address) }
            let number = number(of: owner)
            for slot in Int(first)...Int(last) { owners[slot] = number }
            replicas += range.elements.dropFirst(3).compactMap { Self.node($0, from: address) }
            guard known.count <= Self.nodeLimit, replicas.count <= Self.nodeLimit else {
                throw RedisError(
                    .protocolViolation, "more than \(Self.nodeLimit) nodes in the map of the cluster",
                    address: address.description)
            }
        }
        replicas = Array(Set(replicas).subtracting(known)).sorted { $0.description < $1.description }
    }

    /// Who serves a slot.
    func owner(of slot: Int) -> RedisConfiguration.Address? { number(of: slot).map(address) }

    /// Who serves a slot, by a number that means the same on every copy of this map.
    func number(of slot: Int) -> Int? {
        owners[slot] == Self.nobody ? nil : Int(owners[slot])
    }

    /// The node of such a number.
    func address(_ number: Int) -> RedisConfiguration.Address { known[number] }

    /// Those that serve slots, in the order of their first.
    var primaries: [RedisConfiguration.Address] {
        var isListed = [Bool](repeating: false, count: known.count)
        var addresses: [RedisConfiguration.Address] = []
        for owner in owners where owner != Self.nobody && !isListed[Int(owner)] {
            isListed[Int(owner)] = true
            addresses.append(known[Int(owner)])
        }
        return addresses
    }

    /// How many slots somebody serves.
    var coverage: Int { owners.reduce(0) { $1 == Self.nobody ? $0 : $0 + 1 } }

    /// The same in words.
    var summary: String { "the cluster covers \(coverage) of \(RedisSlot.count) slots (see CLUSTER INFO)" }

    /// Notes that a slot is served by another node; too many nodes that nobody heard of before are not noted.
    mutating func move(_ slot: Int, to address: RedisConfiguration.Address) {
        guard known.count < Self.nodeLimit || known.contains(address) else { return }
        owners[slot] = number(of: address)
    }

    private mutating func number(of address: RedisConfiguration.Address) -> UInt16 {
        if let position = known.firstIndex(of: address) { return UInt16(position) }
        known.append(address)
        return UInt16(known.count - 1)
    }

    /// `[host, port, identifier, [name, value, …]]`; the last only from Redis 7.0 on.
    ///
    /// A node that is to be known by a name, but has none, is given as `?`, with its number among the rest.
    private static func node(_ value: RedisValue, from address: RedisConfiguration.Address)
        -> RedisConfiguration.Address?
    {
        guard let port = value[1].integer, (1...65_535).contains(port) else { return nil }
        var host = value[0].string
        if host == "?" {
            let rest = value[3].elements.map(\.string)
            host = rest.firstIndex(of: "ip").flatMap { $0 + 1 < rest.count ? rest[$0 + 1] : nil }
        }
        return address.neighbor(host, port: Int(port))
    }
}

extension RedisError {
    fileprivate static func unreadableMap(_ value: RedisValue, from address: RedisConfiguration.Address) -> RedisError {
        let text = String(value.description.prefix(200))
        return RedisError(
            .protocolViolation, "the map of the cluster cannot be read: \(text)", command: "CLUSTER SLOTS",
            address: address.description)
    }
}

/// The slot map of a cluster.
struct SlotMap: Sendable, Equatable {
    /// The most nodes in a valid map; Redis recommends no more than 1,000.
    static let nodeLimit = 2_000
    private static let unserved = UInt16.max

    /// The nodes that serve or served slots; slots refer to them by position.
    private var known: [RedisConfiguration.Address] = []
    private var owners = [UInt16](repeating: unserved, count: RedisSlot.count)
    /// The nodes without slots: replicas, which also know the map.
    private(set) var replicas: [RedisConfiguration.Address] = []

    /// Creates a map without any served slot.
    init() {}

    /// Parses the reply to `CLUSTER SLOTS`.
    ///
    /// - Parameter address: the node that was asked; its answer may omit its own host or all hosts.
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

    /// The node of a slot.
    func owner(of slot: Int) -> RedisConfiguration.Address? { number(of: slot).map(address) }

    /// The node of a slot as a number, which is the same for every copy of this map.
    func number(of slot: Int) -> Int? {
        owners[slot] == Self.unserved ? nil : Int(owners[slot])
    }

    /// The node with this number.
    func address(_ number: Int) -> RedisConfiguration.Address { known[number] }

    /// The nodes that serve slots, in the order of their first slot.
    var primaries: [RedisConfiguration.Address] {
        var isListed = [Bool](repeating: false, count: known.count)
        var addresses: [RedisConfiguration.Address] = []
        for owner in owners where owner != Self.unserved && !isListed[Int(owner)] {
            isListed[Int(owner)] = true
            addresses.append(known[Int(owner)])
        }
        return addresses
    }

    /// The number of served slots.
    var coverage: Int { owners.reduce(0) { $1 == Self.unserved ? $0 : $0 + 1 } }

    /// The coverage in words.
    var summary: String { "the cluster covers \(coverage) of \(RedisSlot.count) slots (see CLUSTER INFO)" }

    /// Records that another node serves a slot; if there are too many unknown nodes, it isn't recorded.
    mutating func move(_ slot: Int, to address: RedisConfiguration.Address) {
        guard known.count < Self.nodeLimit || known.contains(address) else { return }
        owners[slot] = number(of: address)
    }

    private mutating func number(of address: RedisConfiguration.Address) -> UInt16 {
        if let position = known.firstIndex(of: address) { return UInt16(position) }
        known.append(address)
        return UInt16(known.count - 1)
    }

    /// `[host, port, identifier, [name, value, …]]`; the last element only from Redis 7.0.
    ///
    /// A node that should have a host name but has none is given as `?`, with its IP address in the last element.
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

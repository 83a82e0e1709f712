internal import RedisClient

extension RedisCluster {
    /// The server that serves a key, as the first server that runs knows it.
    package func owner(of key: String) async throws -> Member {
        try await owner(of: RedisSlot.of(key))
    }

    /// The server that serves a slot, as the first server that runs knows it.
    package func owner(of slot: Int) async throws -> Member {
        let ranges = try await send(RedisCommand("CLUSTER", ["SLOTS"]), to: firstRunning(of: members))
        let range = ranges.elements.first { range in
            guard let first = range[0].integer, let last = range[1].integer else { return false }
            return (first...last).contains(Int64(slot))
        }
        guard let port = range?[2][1].integer,
            let member = members.first(where: { $0.server.port == Int(port) })
        else { throw ChildProcessError("no server serves slot \(slot)") }
        return member
    }

    /// Moves a slot with all its keys while clients may use it.
    package func move(slot: Int, to target: Member) async throws {
        let source = try await beginMoving(slot: slot, to: target)
        while try await moveKeys(of: slot, from: source, to: target, count: 100) > 0 {}
        try await finishMoving(slot: slot, from: source, to: target)
    }

    /// Moves all slots of a server to another, those without keys all at once.
    package func moveAll(from source: Member, to target: Member) async throws {
        let ranges = try await send(RedisCommand("CLUSTER", ["SLOTS"]), to: source).elements
        let slots = ranges.filter { $0[2][1].integer == Int64(source.server.port) }.flatMap { range in
            (range[0].integer ?? 0)...(range[1].integer ?? 0)
        }
        let counts = try await send(slots.map { RedisCommand("CLUSTER", ["COUNTKEYSINSLOT", "\($0)"]) }, to: source)
        let empty = zip(slots, counts).filter { $1.integer == 0 }.map(\.0)
        for slot in Set(slots).subtracting(empty) { try await move(slot: Int(slot), to: target) }
        try await send(
            empty.flatMap { slot in
                [
                    RedisCommand("CLUSTER", ["SETSLOT", "\(slot)", "IMPORTING", source.identifier]),
                    RedisCommand("CLUSTER", ["SETSLOT", "\(slot)", "NODE", target.identifier]),
                ]
            }, to: target)
        try await send(
            empty.map { RedisCommand("CLUSTER", ["SETSLOT", "\($0)", "NODE", target.identifier]) }, to: source)
    }

    /// How often its servers have told somebody that a key of a moving slot is elsewhere, or that keys are apart.
    package func countOfDeferrals() async throws -> Int {
        var count = 0
        for member in members {
            let stats = try await send(RedisCommand("INFO", ["errorstats"]), to: member).string ?? ""
            for line in stats.split(whereSeparator: \.isNewline) {
                guard line.hasPrefix("errorstat_ASK:count=") || line.hasPrefix("errorstat_TRYAGAIN:count=") else {
                    continue
                }
                count += Int(line.drop { $0 != "=" }.dropFirst()) ?? 0
            }
        }
        return count
    }

    /// The first step: from now on the source answers `ASK` for keys that it has no more, and the target serves those
    /// that are asked for with `ASKING`.
    ///
    /// - Returns: The source.
    @discardableResult
    package func beginMoving(slot: Int, to target: Member) async throws -> Member {
        let source = try await owner(of: slot)
        try await order(target, "SETSLOT", "\(slot)", "IMPORTING", source.identifier)
        try await order(source, "SETSLOT", "\(slot)", "MIGRATING", target.identifier)
        return source
    }

    /// The second step, any number of times: moves some of the keys.
    ///
    /// - Returns: How many.
    @discardableResult
    package func moveKeys(of slot: Int, from source: Member, to target: Member, count: Int) async throws -> Int {
        let keys = try await send(
            RedisCommand("CLUSTER", ["GETKEYSINSLOT", "\(slot)", "\(count)"]), to: source
        ).elements.compactMap(\.string)
        guard !keys.isEmpty else { return 0 }
        try await move(keys: keys, from: source, to: target)
        return keys.count
    }

    /// The second step for keys of one's choice.
    package func move(keys: [String], from source: Member, to target: Member) async throws {
        var words = ["127.0.0.1", "\(target.server.port)", "", "0", "5000", "REPLACE"]
        if let credentials = target.server.configuration.credentials {
            words += credentials.user.map { ["AUTH2", $0, credentials.password] } ?? ["AUTH", credentials.password]
        }
        try await send(RedisCommand("MIGRATE", words + ["KEYS"] + keys), to: source)
    }

    /// The last step: the target serves the slot, and the source answers `MOVED`.
    package func finishMoving(slot: Int, from source: Member, to target: Member) async throws {
        try await order(target, "SETSLOT", "\(slot)", "NODE", target.identifier)
        try await order(source, "SETSLOT", "\(slot)", "NODE", target.identifier)
    }

    /// Gives a move up halfway: the slot stays where it was, without the keys that were moved.
    package func abandonMoving(slot: Int, from source: Member, to target: Member) async throws {
        try await order(target, "SETSLOT", "\(slot)", "STABLE")
        try await order(source, "SETSLOT", "\(slot)", "STABLE")
    }
}

internal import Foundation
internal import Policies
internal import RedisClient

/// What there is to look at where there are several primaries.
extension Doctor {
    /// The most nodes that are named in one finding.
    private static let mostNamed = 5

    /// Looks at every primary; what is found everywhere is said once.
    ///
    /// One that can't be reached is a finding of its own in a cluster, and an error where there is no other.
    func onEveryPrimary(_ look: (RedisClient.Node) async throws -> [Finding]) async throws -> [Finding] {
        let nodes = try await store.redis.primaries()
        if nodes.count == 1 { return try await look(nodes[0]) }
        var found: [(node: String, finding: Finding)] = []
        for node in nodes {
            do {
                found += try await look(node).map { ("\(node)", $0) }
            } catch {
                guard let redis = CurfewError.redis(behind: error), redis.code != .cancelled
                else { throw error }
                found.append(
                    ("\(node)", Finding("node", .problem, redis.message, advice: "see whether this server runs")))
            }
        }
        var checks: [String] = []
        for (_, finding) in found where !checks.contains(finding.check) { checks.append(finding.check) }
        return checks.map { check in Self.merged(found.filter { $0.finding.check == check }, of: nodes.count) }
    }

    /// One finding of those of several nodes: the worst of them, with the nodes that it is true of.
    private static func merged(_ found: [(node: String, finding: Finding)], of count: Int) -> Finding {
        let order: [Finding.State] = [.problem, .warning, .ok]
        let worst = order.first { state in found.contains { $0.finding.state == state } } ?? .ok
        let those = found.filter { $0.finding.state == worst }
        var merged = those[0].finding
        guard those.count < count || Set(those.map(\.finding.message)).count > 1 else {
            merged.message += " (all \(count) primaries)"
            return merged
        }
        var groups: [(message: String, nodes: [String])] = []
        for (node, finding) in those {
            if let place = groups.firstIndex(where: { $0.message == finding.message }) {
                groups[place].nodes.append(node)
            } else {
                groups.append((finding.message, [node]))
            }
        }
        let more = groups.count > mostNamed ? "; and \(groups.count - mostNamed) more" : ""
        let texts = groups.prefix(mostNamed).map { "\(named($0.nodes)): \($0.message)" }
        merged.message = texts.joined(separator: "; ") + more
        return merged
    }

    private static func named(_ nodes: [String]) -> String {
        let more = nodes.count > mostNamed ? " and \(nodes.count - mostNamed) more" : ""
        return nodes.prefix(mostNamed).joined(separator: ", ") + more
    }

    /// How the cluster is, as each of its primaries sees it, and what is written in more than one step.
    func cluster() async throws -> [Finding] {
        try await onEveryPrimary { [try await state(of: $0)] } + [steps]
    }

    private func state(of node: RedisClient.Node) async throws -> Finding {
        let name = "cluster"
        let replies = try await store.redis.pipeline(
            [RedisCommand("CLUSTER", ["INFO"]), RedisCommand("CLUSTER", ["SLOTS"])], to: node)
        if let error = replies.lazy.compactMap(\.error).first {
            return .unknown(name, "CLUSTER INFO and CLUSTER SLOTS", error.message)
        }
        func number(_ field: String) -> Int { replies[0].infoField(field).flatMap { Int($0) } ?? 0 }
        let served = replies[1].elements.compactMap { entry -> ClosedRange<Int>? in
            guard let first = entry[0].integer, let last = entry[1].integer, first >= 0, first <= last,
                last < RedisSlot.count
            else { return nil }
            return Int(first)...Int(last)
        }
        let uncovered = Self.uncovered(served)
        if !uncovered.isEmpty {
            let ranges = uncovered.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            return Finding(
                name, .problem, "no node serves the slots \(Self.named(ranges)): the keys there are out of reach",
                advice: "bring the missing node back, or give its slots to others: redis-cli --cluster fix")
        }
        let lost = number("cluster_slots_pfail").bounded(plus: number("cluster_slots_fail"))
        let state = replies[0].infoField("cluster_state") ?? "unknown"
        guard state == "ok", lost == 0 else {
            return Finding(
                name, .problem, "state \(state): \(lost) slots are on nodes that don't answer",
                advice: "see which nodes are down: redis-cli --cluster check; a replica takes over, or bring them back")
        }
        let nodes = "\(number("cluster_size")) primaries, \(number("cluster_known_nodes")) nodes in all"
        return Finding(name, .ok, "\(number("cluster_slots_ok")) slots on \(nodes)")
    }

    /// The slots between those that are served.
    static func uncovered(_ served: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
        var uncovered: [ClosedRange<Int>] = []
        var next = 0
        for range in served.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { uncovered.append(next...(range.lowerBound - 1)) }
            next = max(next, range.upperBound + 1)
        }
        if next < RedisSlot.count { uncovered.append(next...(RedisSlot.count - 1)) }
        return uncovered
    }

    /// What isn't written in one step with the record.
    private var steps: Finding {
        let plans = configuration.cleanups.map { cleanup in
            (cleanup.name, SlotPlan(cleanup, prefix: configuration.prefix))
        }
        let byReading = plans.filter { !$0.1.readOnly.isEmpty }.map(\.0)
        var message = "events and indexes are written after the record, step by step"
        let others = plans.flatMap { name, plan in
            plan.saga.filter { !$0.hasPrefix("events ") && !$0.hasPrefix("index ") }.map { "\(name): \($0)" }
        }
        if !others.isEmpty { message += "; so are " + Self.named(others) }
        if !byReading.isEmpty { message += "; guarded by reading only: \(byReading.joined(separator: ", "))" }
        return Finding("steps", .ok, message + " (curfew config check lists all)")
    }

    /// How far the clocks of the primaries are apart; empty where there is one.
    func spread() async throws -> String {
        let nodes = try await store.redis.primaries()
        guard nodes.count > 1 else { return "" }
        var differences: [Double] = []
        for node in nodes {
            let start = Date().timeIntervalSince1970
            let reply: RedisValue
            do {
                reply = try await store.redis.pipeline([RedisCommand("TIME")], to: node)[0]
            } catch {
                // One that is down has been told of before.
                continue
            }
            let middle = (start + Date().timeIntervalSince1970) / 2
            guard reply.count == 2, let seconds = reply[0].string.flatMap({ Double($0) }),
                let microseconds = reply[1].string.flatMap({ Double($0) })
            else { continue }
            differences.append(seconds + microseconds / 1_000_000 - middle)
        }
        let spread = (differences.max() ?? 0) - (differences.min() ?? 0)
        return String(format: "; the primaries are at most %.1f s apart, and that of Curfew's own keys counts", spread)
    }
}

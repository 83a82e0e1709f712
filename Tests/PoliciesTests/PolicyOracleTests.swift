import Policies
import TestNeeds
import TestSupport
import Testing

/// What a policy comes to, as far as the oracles tell.
enum Outcome: Equatable {
    case error
    case drop
    case leave(Timestamp?)
    case change(Change.Action, [String: String])
}

/// What a policy comes to in the end.
func outcome(of policy: any Policy, on record: Record, in world: World) throws -> Outcome {
    do {
        switch try policy.settle(record, in: world) {
        case .ask: return .error
        case .drop: return .drop
        case .leave(let leave): return .leave(leave.until)
        case .change(let change):
            let kept = [
                "status", "attempts", "queued", "processing", "completed", "failed", "staleSince", "warnedAt",
                "deletedAt",
            ]
            let sets = change.sets.filter { kept.contains($0.field) }
            return .change(change.action, Dictionary(uniqueKeysWithValues: sets.map { ($0.field, $0.value ?? "") }))
        }
    } catch is RecordError {
        return .error
    }
}

/// The time that a text stands for; nil where there is none, or none that could be read.
func milliseconds(_ text: String?) -> Int64? {
    text.flatMap { RecordTime(text: $0)?.timestamp.milliseconds }
}

/// The text, unless it is empty.
func filled(_ text: String?) -> String? {
    text == "" ? nil : text
}

/// The rules once more, written as plainly as can be, against the policies on made-up records.
@Suite("Oracles", .tags(.pure))
struct PolicyOracleTests {
    @Test("stuck", arguments: seeds)
    func stuck(seed: UInt64) throws {
        var workload = Workload(seed: seed)
        var seen: [String: Int] = [:]
        for _ in 0..<4_000 {
            let hasAlive = workload.generator.chance(50)
            let hasRetry = workload.generator.chance(50)
            let policy = try stuckPolicy(
                timeouts: StuckPolicy.Timeouts(by: "tier", byType: ["4K": .seconds(1_200)]),
                alive: hasAlive ? "worker:<worker>:alive" : nil, completedWhen: "result",
                retry: hasRetry ? StuckPolicy.Retry(limit: 2, window: .seconds(3_600), to: "QUEUED") : nil,
                writes: StuckPolicy.Writes(recoveries: "recoveries"))
            var values = workload.values()
            values["processingStartedAt"] = values.removeValue(forKey: "startedAt")
            let world = workload.world()
            let expected = stuckOracle(values, world: world, hasAlive: hasAlive, hasRetry: hasRetry)
            let actual = try outcome(of: policy, on: policy.record("1", values), in: world)
            #expect(actual == expected, "\(values) in \(world), seed \(seed)")
            seen["\(actual)".prefix { $0 != "(" && $0 != "," }.description, default: 0] += 1
        }
        #expect(seen.keys.sorted() == ["change", "drop", "error", "leave"], "seed \(seed)")
    }

    private func stuckOracle(
        _ values: [String: String], world: World, hasAlive: Bool, hasRetry: Bool
    ) -> Outcome {
        let timeout: Int64 = values["tier"] == "4K" ? 1_200_000 : 300_000
        if values["status"] == "failed" { return .drop }
        guard values["status"] == "PROCESSING" else { return .leave(now + .milliseconds(timeout)) }
        guard let raw = filled(values["processingStartedAt"]) ?? filled(values["updatedAt"]),
            var latest = milliseconds(raw)
        else { return .error }
        if let beat = filled(values["heartbeatAt"]) {
            guard let beat = milliseconds(beat) else { return .error }
            latest = max(latest, beat)
        }
        guard now.milliseconds - latest >= timeout else {
            return .leave(Timestamp(milliseconds: latest + timeout))
        }
        if hasAlive, let worker = filled(values["worker"]), world.keys.contains("worker:\(worker):alive") {
            return .leave(nil)
        }
        if filled(values["result"]) != nil { return .change(.complete, ["status": "COMPLETED"]) }
        guard hasRetry else { return .change(.fail, ["status": "FAILED"]) }
        if values["attempts"] == "x" { return .error }
        let attempts = Int(values["attempts"] ?? "0") ?? 0
        let recent = (values["recoveries"] ?? "").split(separator: ",").compactMap { Int64($0) }
            .filter { now.milliseconds - $0 < 3_600_000 }
        if recent.count < 2, attempts < 2 {
            return .change(.retry, ["status": "QUEUED", "attempts": String(attempts + 1)])
        }
        return .change(.fail, ["status": "FAILED"])
    }

    @Test("counters", arguments: seeds)
    func counters(seed: UInt64) throws {
        var workload = Workload(seed: seed)
        for _ in 0..<4_000 {
            let hasMembers = workload.generator.chance(50)
            let stalledFails = workload.generator.chance(50)
            let policy = try countersPolicy(members: hasMembers, stalledFails: stalledFails)
            var values = workload.values()
            values["status"] = "processing"
            values["updated_at"] = ago(.seconds(10_800))
            let world = workload.world()
            let expected = countersOracle(values, world: world, hasMembers: hasMembers, stalledFails: stalledFails)
            let actual = try outcome(of: policy, on: policy.record("1", values), in: world)
            #expect(actual == expected, "\(values) in \(world), seed \(seed)")
        }
    }

    private func countersOracle(
        _ values: [String: String], world: World, hasMembers: Bool, stalledFails: Bool
    ) -> Outcome {
        guard let total = values["total"].flatMap({ Int($0) }), total >= 0 else { return .error }
        let names = ["queued", "processing", "completed", "failed"]
        guard names.allSatisfy({ values[$0] != "x" }) else { return .error }
        let stored = names.map { values[$0].flatMap { Int($0) } ?? 0 }
        var counts = stored
        let isWrong = counts.contains { $0 < 0 } || counts.reduce(0, +) > total
        if isWrong {
            if hasMembers {
                let members = world.members["generation:1:tasks"] ?? []
                guard members.count <= world.memberLimit, !members.contains("?") else { return .error }
                let lists = [["queued", "waiting"], ["processing"], ["completed"], ["failed"]]
                counts = lists.map { list in members.count { list.contains($0 ?? "") } }
            } else {
                counts[0] = 0
                counts[1] = 0
            }
            counts[2] = min(max(counts[2], 0), total)
            counts[3] = min(max(counts[3], 0), total - counts[2])
            counts[1] = min(counts[1], total - counts[2] - counts[3])
            counts[0] = min(counts[0], total - counts[2] - counts[3] - counts[1])
        }
        var status = "completed"
        if counts[0] + counts[1] > 0 {
            if !stalledFails, !isWrong { return .leave(nil) }
            status = stalledFails ? "failed" : "processing"
        } else if counts[2] == 0, counts[3] < total {
            status = "failed"
        }
        if status != "processing" { counts = [0, 0, counts[2], total - counts[2]] }
        var sets: [String: String] = status == "processing" ? [:] : ["status": status]
        for (name, (was, count)) in zip(names, zip(stored, counts)) where was != count { sets[name] = String(count) }
        return .change(status == "processing" ? .recount : status == "failed" ? .fail : .complete, sets)
    }
}

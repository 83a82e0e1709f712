import Policies
import TestNeeds
import TestSupport
import Testing

/// The rules for records that grow too old once more, against the policies on made-up records.
@Suite("Oracles of ageing", .tags(.pure))
struct PolicyOracleAgeingTests {
    /// Compares a policy with an oracle on many records, and demands that each of these kinds of outcome was met.
    private func compare(
        seed: UInt64, meeting kinds: Set<String>, policy: any Policy,
        oracle: ([String: String], World) -> Outcome
    ) throws {
        var workload = Workload(seed: seed)
        var met: Set<String> = []
        for _ in 0..<6_000 {
            let values = workload.values()
            let world = workload.world()
            let actual = try outcome(of: policy, on: policy.record("1", values), in: world)
            let expected = oracle(values, world)
            #expect(actual == expected, "\(values) in \(world), seed \(seed)")
            switch actual {
            case .error: met.insert("error")
            case .drop: met.insert("drop")
            case .leave: met.insert("leave")
            case .change(let action, _): met.insert(action.rawValue)
            }
        }
        #expect(met == kinds, "seed \(seed)")
    }

    /// The first of the two times that is there, and whether it can be read.
    private func since(_ values: [String: String]) -> (raw: String, time: Int64)? {
        guard let raw = filled(values["startedAt"]) ?? filled(values["updatedAt"]) else { return nil }
        return milliseconds(raw).map { (raw, $0) }
    }

    /// Now, as a text of the same form as that time.
    private func nowLike(_ raw: String) -> String {
        RecordTime(text: raw)?.text(for: now) ?? ""
    }

    private func at(_ milliseconds: Int64) -> Outcome {
        .leave(Timestamp(milliseconds: milliseconds))
    }

    @Test("paused", arguments: seeds)
    func paused(seed: UInt64) throws {
        let policy = PausedPolicy(
            states: ["PROCESSING"], since: ["startedAt", "updatedAt"], stale: .seconds(3_000), warn: .seconds(6_000),
            timeout: .seconds(9_000))
        let kinds: Set = ["error", "drop", "leave", "mark", "warn", "cancel"]
        try compare(seed: seed, meeting: kinds, policy: policy) { values, _ in
            if values["status"] == "failed" { return .drop }
            guard values["status"] == "PROCESSING" else { return at(now.milliseconds + 3_000_000) }
            guard let (raw, start) = since(values) else { return .error }
            let age = now.milliseconds - start
            if age >= 9_000_000 { return .change(.cancel, ["status": "cancelled"]) }
            if age < 3_000_000 { return at(start + 3_000_000) }
            var isSet: [String: Bool] = [:]
            for mark in age >= 6_000_000 ? ["warnedAt", "staleSince"] : ["staleSince"] {
                if isSet["warnedAt"] == true { break }
                guard let text = filled(values[mark]) else { continue }
                guard let time = milliseconds(text) else { return .error }
                isSet[mark] = time >= start
            }
            let sets = { (marks: [String]) in Dictionary(uniqueKeysWithValues: marks.map { ($0, nowLike(raw)) }) }
            if age >= 6_000_000 {
                if isSet["warnedAt"] == true { return at(start + 9_000_000) }
                return .change(.warn, sets(isSet["staleSince"] == true ? ["warnedAt"] : ["warnedAt", "staleSince"]))
            }
            return isSet["staleSince"] == true ? at(start + 6_000_000) : .change(.mark, sets(["staleSince"]))
        }
    }

    @Test("dependent", arguments: seeds)
    func dependent(seed: UInt64) throws {
        let policy = DependentPolicy(
            states: ["PROCESSING"], since: ["startedAt", "updatedAt"], parent: try KeyTemplate("parent:<worker>"),
            parentStates: ["RUNNING"], to: "DRAFT")
        try compare(seed: seed, meeting: ["error", "drop", "leave", "reset"], policy: policy) { values, world in
            if values["status"] == "failed" { return .drop }
            guard values["status"] == "PROCESSING" else { return at(now.milliseconds + 300_000) }
            guard let (_, start) = since(values) else { return .error }
            if now.milliseconds - start < 300_000 { return at(start + 300_000) }
            guard let worker = filled(values["worker"]) else { return .error }
            let isAlive = world.hashes["parent:\(worker)"]?["status"] == "RUNNING"
            return isAlive ? at(now.milliseconds + 300_000) : .change(.reset, ["status": "DRAFT"])
        }
    }

    @Test("retention", arguments: seeds)
    func retention(seed: UInt64) throws {
        let policy = RetentionPolicy(
            states: ["failed", "QUEUED"], since: ["startedAt", "updatedAt"], keep: .seconds(3_600),
            keeps: TimesByType(by: "tier", byType: ["4K": .seconds(7_200)]),
            also: [try KeyTemplate("user:<user>:job:<id>")])
        try compare(seed: seed, meeting: ["error", "leave", "remove"], policy: policy) { values, _ in
            let keep: Int64 = values["tier"] == "4K" ? 7_200_000 : 3_600_000
            let start = since(values)?.time
            guard ["failed", "QUEUED"].contains(values["status"]) else {
                return at(max(now.milliseconds + 3_600_000, (start ?? 0) + keep))
            }
            if filled(values["startedAt"]) == nil, filled(values["updatedAt"]) == nil {
                return at(now.milliseconds + keep)
            }
            guard let start else { return .error }
            if now.milliseconds - start < keep { return at(start + keep) }
            return values["user"] == nil ? .error : .change(.remove, [:])
        }
    }

    @Test("files", arguments: seeds, [nil, "deletedAt"])
    func files(seed: UInt64, mark: String?) throws {
        let policy = FilesPolicy(
            since: ["startedAt", "updatedAt"], orphan: .init(unless: "owner", after: .seconds(3_600), mark: mark),
            deleted: .init(since: "deletedAt", after: .seconds(7_200)), storage: "s", objects: [.init(field: "object")],
            size: "size")
        let kinds: Set = mark == nil ? ["error", "leave", "delete"] : ["error", "leave", "delete", "mark"]
        try compare(seed: seed, meeting: kinds, policy: policy) { values, _ in
            let isNamed = filled(values["object"]) != nil
            let delete: Outcome = isNamed ? .change(.delete, ["status": "deleting"]) : .error
            let text = filled(values["deletedAt"])
            if let text, milliseconds(text) == nil { return .error }
            if values["status"] == "deleting" {
                let isLinked = text == nil && filled(values["owner"]) != nil
                return isNamed && !isLinked ? .change(.delete, [:]) : .error
            }
            if let time = milliseconds(text) {
                return now.milliseconds - time < 7_200_000 ? at(time + 7_200_000) : delete
            }
            if filled(values["owner"]) != nil { return at(now.milliseconds + 3_600_000) }
            guard let (raw, start) = since(values) else { return .error }
            if now.milliseconds - start < 3_600_000 { return at(start + 3_600_000) }
            return mark == nil ? delete : .change(.mark, ["deletedAt": nowLike(raw)])
        }
    }
}

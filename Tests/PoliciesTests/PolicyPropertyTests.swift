import Policies
import TestNeeds
import TestSupport
import Testing

/// What holds for every policy, on made-up records.
@Suite("Every policy", .tags(.pure))
struct PolicyPropertyTests {
    /// Runs a check on many records, with the final verdict; a record's own error is no verdict.
    private func forEachVerdict(
        seed: UInt64, _ check: (any Policy, Record, World, Verdict) throws -> Void
    ) throws {
        var workload = Workload(seed: seed)
        for _ in 0..<2_000 {
            let policy = try workload.policy()
            let record = workload.record(for: policy)
            let world = workload.world()
            do {
                try check(policy, record, world, try policy.settle(record, in: world))
            } catch let error as RecordError {
                #expect(!error.message.isEmpty, "seed \(seed)")
            }
        }
    }

    @Test("a verdict depends on nothing but its arguments", arguments: seeds)
    func deterministic(seed: UInt64) throws {
        try forEachVerdict(seed: seed) { policy, record, world, verdict in
            let again = try policy.settle(record, in: world)
            #expect(again == verdict, "seed \(seed)")
        }
    }

    @Test("once its questions are answered, a policy asks no more", arguments: seeds)
    func settles(seed: UInt64) throws {
        try forEachVerdict(seed: seed) { _, record, _, verdict in
            if case .ask(let questions) = verdict { Issue.record("still asks \(questions) of \(record), seed \(seed)") }
        }
    }

    @Test("a change is never without guards, and all of them hold on the record as read", arguments: seeds)
    func guards(seed: UInt64) throws {
        try forEachVerdict(seed: seed) { policy, record, world, verdict in
            let guards: [Guard]
            switch verdict {
            case .change(let change): guards = change.guards
            case .drop(_, let found): guards = found
            case .ask, .leave: return
            }
            #expect(!guards.isEmpty, "seed \(seed)")
            for condition in guards {
                #expect(holds(condition, on: record, in: world), "\(condition) on \(record), seed \(seed)")
                if case .field(let field, _) = condition {
                    #expect(policy.fields.contains(field), "\(field) isn't read, seed \(seed)")
                }
            }
            for (index, condition) in guards.enumerated() {
                #expect(!guards[..<index].contains(condition), "\(condition) twice, seed \(seed)")
            }
        }
    }

    private func holds(_ condition: Guard, on record: Record, in world: World) -> Bool {
        switch (condition, record.content) {
        case (.field(let field, let value), .hash(let fields)): fields[field] == value
        case (.text(let text), .text(let stored)): text == stored
        case (.recordMissing, .missing): true
        case (.keyAbsent(let key), _): !world.keys.contains(key) && world.hashes[key] == nil
        case (.otherField(let key, let field, let value), _):
            world.hashes[key].map { $0[field] == value } ?? false
        case (.keyPresent(let key), _): world.keys.contains(key)
        default: false
        }
    }

    @Test("a before-image has all that is overwritten, as it was", arguments: seeds)
    func beforeImage(seed: UInt64) throws {
        try forEachVerdict(seed: seed) { policy, record, _, verdict in
            guard let change = verdict.change else { return }
            let saved = change.before.map(\.field)
            #expect(Set(saved).count == saved.count, "seed \(seed)")
            #expect(change.before.allSatisfy { record[$0.field] == $0.value }, "seed \(seed)")
            #expect(change.sets.allSatisfy { saved.contains($0.field) }, "seed \(seed)")
            let isWhole = change.removesRecord && change.objectKeys.isEmpty
            #expect(isWhole ? change.sets.isEmpty : saved.contains("status"), "seed \(seed)")
            let since = ["startedAt", "updatedAt", "updated_at", "heartbeatAt"]
            #expect(change.sets.allSatisfy { !since.contains($0.field) }, "seed \(seed)")
            #expect(change.sets.allSatisfy { policy.fields.contains($0.field) }, "seed \(seed)")
        }
    }

    @Test("a change that is done isn't done again", arguments: seeds)
    func settled(seed: UInt64) throws {
        try forEachVerdict(seed: seed) { policy, record, world, verdict in
            guard let change = verdict.change, !change.removesRecord else { return }
            var values: [String: String] = [:]
            for field in policy.fields { values[field] = record[field] }
            for write in change.sets { values[write.field] = write.value }
            let again = try policy.settle(policy.record("1", values), in: world)
            #expect(again.change == nil, "\(change) then \(again), seed \(seed)")
        }
    }

    @Test("what a change says of itself is consistent", arguments: seeds)
    func consistent(seed: UInt64) throws {
        try forEachVerdict(seed: seed) { policy, record, _, verdict in
            guard let change = verdict.change else { return }
            #expect(change.age >= change.timeout, "seed \(seed)")
            #expect(change.timeout <= policy.longestTimeout, "seed \(seed)")
            let status = record["status"] ?? ""
            #expect(change.from == status || change.removesRecord && change.from.isEmpty, "seed \(seed)")
            #expect(change.refund == nil || change.action == .fail, "seed \(seed)")
            #expect(change.push == nil || change.action == .retry, "seed \(seed)")
            let comesBack: Set<Change.Action> = [.retry, .recount, .mark, .warn, .reset]
            let isLooked = comesBack.contains(change.action) && change.to != "cancelled"
            #expect((change.next != nil) == isLooked, "\(change), seed \(seed)")
            #expect(!change.objectKeys.isEmpty == (change.action == .delete), "seed \(seed)")
            #expect(change.bytes >= 0 && (change.bytes == 0 || !change.objectKeys.isEmpty), "seed \(seed)")
            #expect(change.alsoRemoved.isEmpty || change.removesRecord, "seed \(seed)")
            let unwritten = change.action == .remove ? "" : change.from
            #expect(change.to == change.written("status") ?? unwritten, "seed \(seed)")
            #expect(!change.reason.isEmpty && change.drift >= 0, "seed \(seed)")
        }
    }

    @Test("what is left until a time isn't due before it, and nothing changes until then", arguments: seeds)
    func deadlines(seed: UInt64) throws {
        try forEachVerdict(seed: seed) { policy, record, world, verdict in
            guard let until = verdict.leave?.until else { return }
            #expect(until > now || policy.longestTimeout == .zero, "seed \(seed)")
            #expect(until >= now, "seed \(seed)")
            let earlier = try policy.settle(record, at: max(now, until - .milliseconds(1)), in: world)
            #expect(earlier.change == nil, "seed \(seed)")
        }
    }
}

import Policies

/// Made-up policies, records and surroundings: mostly ordinary, some strange, a few broken.
struct Workload {
    var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func policy() throws -> any Policy {
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: try stuck()
        case 1: try counters()
        case 2: try locks()
        case 3: paused()
        case 4: try dependent()
        case 5: try retention()
        default: files()
        }
    }

    mutating func stuck() throws -> StuckPolicy {
        let refund = StuckPolicy.RefundRule(
            amount: "cost", balance: try KeyTemplate("user:{<user>}:tokens"),
            ledger: try KeyTemplate("user:{<user>}:refunds"))
        let timeouts = StuckPolicy.Timeouts(by: "tier", byType: ["4K": .seconds(1_200), "SD": .seconds(60)])
        let queue = StuckPolicy.Queue(key: try KeyTemplate(generator.pick(["jobs:queued", "jobs:<tier>"])))
        let retry = StuckPolicy.Retry(
            limit: Int.random(in: 0...3, using: &generator), window: .seconds(3_600), to: "QUEUED",
            queue: generator.chance(70) ? queue : nil)
        return StuckPolicy(
            states: generator.pick([["PROCESSING"], ["PROCESSING", "RUNNING"]]), since: ["startedAt", "updatedAt"],
            heartbeat: generator.pick([nil, "heartbeatAt"]), timeout: .seconds(300),
            timeouts: generator.chance(50) ? timeouts : nil,
            alive: generator.chance(40) ? Liveness(try KeyTemplate("worker:<worker>:alive")) : nil,
            completedWhen: generator.pick([nil, "result"]), retry: generator.chance(50) ? retry : nil, to: "FAILED",
            refund: generator.chance(50) ? refund : nil, writes: StuckPolicy.Writes(recoveries: "recoveries"),
            timeoutOverride: generator.pick([nil, nil, .seconds(100), .zero]))
    }

    mutating func counters() throws -> CountersPolicy {
        try countersPolicy(members: generator.chance(50), stalledFails: generator.chance(30))
    }

    mutating func locks() throws -> LocksPolicy {
        LocksPolicy(
            since: generator.pick([[], ["startedAt", "updatedAt"]]), timeout: .seconds(300),
            alive: try generator.pick([nil, "worker:<worker>:alive", "worker:<value>:alive", "worker:<id>:alive"])
                .map { text in Liveness(try KeyTemplate(text)) })
    }

    /// A record for the policy, read as the engine would.
    mutating func record(for policy: any Policy) -> Record {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<3: return Record(id: "1", key: "job:1", content: .missing)
        case 3..<20 where policy is LocksPolicy:
            return Record(id: "1", key: "job:1", content: .text(generator.pick(["", "w1", "w2", "x"])))
        default: return policy.record("1", values())
        }
    }

    mutating func values() -> [String: String] {
        var values: [String: String] = [:]
        values["status"] = generator.pick([
            "PROCESSING", "PROCESSING", "RUNNING", "processing", "QUEUED", "failed", nil,
        ])
        values["tier"] = generator.pick([nil, "", "4K", "SD", "other"])
        for field in ["startedAt", "updatedAt", "heartbeatAt", "updated_at"] { values[field] = time() }
        values["worker"] = generator.pick([nil, "", "w1", "w2"])
        values["result"] = generator.pick([nil, nil, "", "done"])
        values["attempts"] = generator.pick([nil, nil, "", "0", "1", "2", "x"])
        let recoveries = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
            String((now - .seconds(Int.random(in: 0...7_200, using: &generator))).milliseconds)
        }
        values["recoveries"] = generator.chance(50) ? recoveries.joined(separator: ",") : nil
        values["cost"] = generator.pick(["10", "10", "0", "-1", nil])
        values["user"] = generator.pick(["7", "7", "7", nil])
        values["total"] = generator.pick(["10", "10", "10", "0", "-1", nil])
        for field in ["queued", "processing", "completed", "failed"] {
            values[field] = generator.pick([nil, "0", "0", "0", "1", "3", "7", "10", "-2", "x"])
        }
        values["error"] = generator.pick([nil, "earlier"])
        for field in ["staleSince", "warnedAt", "deletedAt"] { values[field] = generator.pick([time(), nil]) }
        values["owner"] = generator.pick([nil, "", "8"])
        values["object"] = generator.pick(["a/b.png", "a/b.png", "a/b.png", "", nil])
        values["size"] = generator.pick([nil, "", "0", "1024", "-1", "x", "9223372036854775807"])
        if generator.chance(5) { values["status"] = "deleting" }
        return values
    }

    /// A time within three hours, in any form; sometimes none or nonsense.
    mutating func time() -> String? {
        let iso = TimeForm.iso8601(.init(fractionDigits: 3, zone: .offset(minutes: 120, style: .colon)))
        let form = generator.pick([.seconds, .milliseconds, .fractionalSeconds(digits: 3), iso])
        let time = now - .milliseconds(Int.random(in: -60_000...10_900_000, using: &generator))
        return generator.pick([form.text(for: time), form.text(for: time), form.text(for: time), nil, ""])
            .map { [chance = generator.chance(2)] text in chance ? "soon" : text }
    }

    mutating func world() -> World {
        var world = World(memberLimit: 8)
        world.keys = Set(["worker:w1:alive", "worker:1:alive"].filter { _ in generator.chance(40) })
        world.hashes["parent:w1"] = generator.pick([nil, [:], ["status": "RUNNING"], ["status": "FAILED"]])
        world.members["generation:1:tasks"] = (0..<Int.random(in: 0...9, using: &generator)).map { _ in
            generator.pick([nil, "queued", "waiting", "processing", "completed", "completed", "failed", "?"])
        }
        for value in ["w1", "x"] {
            world.firstSeen[value] = now - .seconds(Int.random(in: 0...900, using: &generator))
        }
        return world
    }
}

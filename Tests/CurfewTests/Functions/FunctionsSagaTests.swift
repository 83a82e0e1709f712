import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// The functions that only a saga in a Cluster calls.
@Suite("curfew_record_events, curfew_unlist, curfew_look, marks", .tags(.ownServer))
struct FunctionsSagaTests {
    private static let plan = SagaPlan(run: "jobs-1", page: "1 one 5/1")

    private func entry(_ place: Int) -> SagaEntry {
        SagaEntry(
            place: place, id: "\(place)", key: "job:\(place)", tokens: 10,
            event: .init(
                action: "fail", from: "RUNNING", to: "FAILED", reason: "stuck for \(place)m", type: "", bytes: 0,
                before: "{}", time: "7"))
    }

    /// Curfew's slot as the holder of a new lease sees it.
    private func claimHome(_ scene: FunctionsScene, by instance: String = "one") async throws -> SagaLog {
        let answer = try await scene.claim("jobs", by: instance)
        return SagaLog(
            library: scene.library, keys: scene.keys, cleanup: "jobs", run: answer["run"]?.string ?? "",
            lease: LeaseTerm(key: scene.keys.lease("jobs"), term: answer["term"]?.string ?? ""),
            journal: Journal(stream: scene.keys.events, length: 1_000))
    }

    @Test("events are written in order with all their fields, in calls of a bounded size")
    func told() async throws {
        try await withFunctions { scene in
            let home = try await claimHome(scene)
            let written = try await home.record(Self.plan, (0..<300).map(entry))
            #expect(written.written == Set(0..<300))
            let events = try await scene.stream(scene.keys.events)
            #expect(events.map { $0["record"] } == (0..<300).map(String.init))
            let expected = [
                "reason": "stuck for 7m", "key": "job:7", "run": "jobs-1", "cleanup": "jobs", "tokens": "10",
                "action": "fail", "from": "RUNNING", "to": "FAILED", "type": "", "bytes": "0", "at_ms": "7",
            ]
            for (field, value) in expected { #expect(events[7][field] == value) }
        }
    }

    @Test("events that were written are not written again, those that come later are")
    func toldOnce() async throws {
        try await withFunctions { scene in
            let home = try await claimHome(scene)
            _ = try await home.record(Self.plan, (0..<200).map(entry))
            // A reply was lost, and all of it is told again.
            let again = try await home.record(Self.plan, (0..<200).map(entry))
            #expect(again.written.isEmpty)
            // A run after this one knows what was noted, and finishes one change more.
            let note = try #require(try await scene.hash(scene.keys.saga("jobs"))[Self.plan.recorded])
            let more = try await home.record(Self.plan, (0..<201).map(entry), after: note)
            #expect(more.written == [200])
            // What is told of it, once another page tells that it is over.
            let other = SagaPlan(run: "jobs-1", page: "1 one 5/2")
            _ = try await home.record(other, [entry(0)], forgetting: [Self.plan.recorded])
            #expect(try await scene.hash(scene.keys.saga("jobs")) == [other.recorded: "0"])
            _ = try await home.record(Self.plan, [], forgetting: [other.recorded])
            #expect(try await scene.hash(scene.keys.saga("jobs")) == [:])
            #expect(try await scene.stream(scene.keys.events).count == 202)
        }
    }

    @Test("an older holder tells nothing and takes nothing from Curfew's own index")
    func fenced() async throws {
        try await withFunctions { scene in
            let old = try await claimHome(scene)
            try await scene.schedule("jobs", in: -1)
            _ = try await claimHome(scene, by: "two")
            await #expect(throws: CurfewError.self) { _ = try await old.record(Self.plan, [entry(0)]) }
            let index = scene.keys.index("jobs")
            try await scene.send("ZADD", index, "5", "a")
            let removal = SagaLog.IndexStep(place: 0, entry: DueEntry(id: "a", score: 5, scoreText: "5"), score: nil)
            let ending = SagaLog.Ending(index: [removal])
            await #expect(throws: CurfewError.self) { _ = try await old.end(ending, index: index) }
            #expect(try await scene.stream(scene.keys.events).isEmpty)
            #expect(try await scene.send("ZCARD", index).integer == 1)
        }
    }

    @Test(
        "index entries go as they were read; one that has moved, or has gone, is said",
        arguments: ["jobs", "{curfew}:x"])
    func unlisted(index: String) async throws {
        try await withFunctions { scene in
            let home = try await claimHome(scene)
            for (score, id) in [("1.5", "a"), ("2", "b"), ("1763733600123", "c")] {
                try await scene.send("ZADD", index, score, id)
            }
            let read = [("a", "1.5"), ("b", "1"), ("gone", "3"), ("c", "1763733600123")]
            let steps = read.enumerated().map { place, item in
                SagaLog.IndexStep(
                    place: place, entry: DueEntry(id: item.0, score: 0, scoreText: item.1), score: nil)
            }
            let ending = SagaLog.Ending(index: steps)
            #expect(try await home.end(ending, index: index).asRead == [true, false, false, true])
            #expect(try await scene.send("ZRANGE", index, "0", "-1").elements.map(\.string) == ["b"])
        }
    }

    @Test("a refund is looked at more closely where its entry is there, or its balance is no plain number")
    func looked() async throws {
        try await withFunctions { scene in
            try await scene.send("HSET", "u1:ledger", "there", "10")
            try await scene.send("SET", "u2:ledger", "no ledger")
            let balances = ["u3": "0", "u4": "-17", "u5": "many", "u6": "9223372036854775807", "u7": "007"]
            for (user, balance) in balances { try await scene.send("SET", "\(user):tokens", balance) }
            try await scene.send("HSET", "u8:tokens", "a", "b")
            let refunds = (0...8).map { user in
                Refund(
                    amount: 10, balance: "u\(user):tokens", ledger: "u\(user):ledger",
                    entry: user == 1 ? "there" : "new")
            }
            let unusual = try await RefundLookup(refunds, scene.redis.owners).unusual(scene.library)
            #expect(unusual == [1, 2, 5, 6, 7, 8])
        }
    }

    @Test("so it is for balances that are fields, in any order, and for amounts that are decimals or large")
    func lookedAtFields() async throws {
        try await withFunctions { scene in
            try await scene.send("HSET", "user", "a", "5", "b", "many", "c", "-0")
            try await scene.send("SET", "text", "7")
            try await scene.send("HSET", "ledger", "there", "1")
            let refunds: [(amount: Amount, key: String, field: String?, entry: String)] = [
                (1, "user", "a", "new"), (1, "text", nil, "new"), (1, "user", "b", "new"), (1, "text", "a", "new"),
                (1, "user", "missing", "new"), (1, "user", "c", "new"), (1, "user", "a", "there"),
                (999_999_999_999_999, "text", nil, "new"), (1_000_000_000_000_000, "text", nil, "new"),
                (try #require(Amount(text: "1.50")), "text", nil, "new"), (-3, "text", nil, "new"),
            ]
            let looked = refunds.map {
                Refund(amount: $0.amount, balance: $0.key, field: $0.field, ledger: "ledger", entry: $0.entry)
            }
            let unusual = try await RefundLookup(looked, scene.redis.owners).unusual(scene.library)
            #expect(unusual == [2, 3, 5, 6, 8, 9])
        }
    }

    private static let mark = SagaMark(key: "curfew:pending:jobs-1:{job:1}", term: "1 one 5")

    /// What becomes of changes that each set a field where it says RUNNING, in a call under a mark.
    private func commit(_ changes: [PlainChange], _ scene: FunctionsScene) async throws -> [CommitCall.Outcome] {
        var call = CommitCall(lease: nil, index: "", shared: [])
        var known = PlainChange.Known()
        for change in changes { change.append(to: &call, &known) }
        let part = SagaPart(mark: Self.mark, field: Self.mark.field(3), places: [], node: nil)
        let mark = CommitArguments.NodeMark(
            key: part.mark.key, closed: part.mark.closed, field: part.field, omitted: part.omitted,
            text: Array("the rest".utf8))
        return try call.outcomes(of: try await scene.library.call(call.nodeCommand(under: mark)))
    }

    private func failing(_ numbers: ClosedRange<Int>) -> [PlainChange] {
        numbers.map { number in
            var change = PlainChange(member: "\(number)")
            change.checks = [
                .init(check: .equals, key: "job:\(number)", field: "status", value: "RUNNING", complaint: "")
            ]
            change.write("HSET", .own("job:\(number)"), [.constant("status"), .value("FAILED")])
            return change
        }
    }

    @Test("the mark of a call says what is left, and which changes were not made; without any it isn't written")
    func marked() async throws {
        try await withFunctions { scene in
            #expect(try await commit(failing(1...4), scene) == Array(repeating: .moved(guardNumber: 0), count: 4))
            #expect(try await scene.hash(Self.mark.key) == [:])
            for number in [1, 3] { try await scene.send("HSET", "job:\(number)", "status", "RUNNING") }
            let outcomes = try await commit(failing(1...4), scene)
            #expect(outcomes == [.made, .moved(guardNumber: 0), .made, .moved(guardNumber: 0)])
            let field = Self.mark.field(3)
            #expect(try await scene.hash(Self.mark.key) == [field: "the rest", field + "/omitted": "2 4"])
        }
    }

    @Test("under a closed mark nothing is made")
    func closed() async throws {
        try await withFunctions { scene in
            try await scene.send("HSET", "job:1", "status", "RUNNING")
            try await scene.send("HSET", Self.mark.key, Self.mark.closed, "closed")
            #expect(try await commit(failing(1...1), scene) == [.moved(guardNumber: CommitCall.closedGuard)])
            #expect(try await scene.hash("job:1") == ["status": "RUNNING"])
            #expect(try await scene.hash(Self.mark.key).count == 1)
        }
    }

    @Test("a change that fails in its middle, as none should, counts as made, and those behind it don't")
    func brokenOff() async throws {
        try await withFunctions { scene in
            for number in 1...3 { try await scene.send("HSET", "job:\(number)", "status", "RUNNING", "count", "many") }
            var changes = failing(1...3)
            changes[1].write("HINCRBY", .own("job:2"), [.constant("count"), .constant("1")])
            await #expect(throws: CurfewError.self) { _ = try await commit(changes, scene) }
            let field = Self.mark.field(3)
            #expect(try await scene.hash(Self.mark.key) == [field: "the rest", field + "/omitted": "3+"])
            #expect(try await scene.hash("job:3")["status"] == "RUNNING")
        }
    }
}

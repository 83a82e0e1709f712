import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What every committer does: the same changes, by the same effects, with the same answers, on a single server and in a
/// cluster.
@Suite("committing", .tags(.ownServer), .everyTopology)
struct CommittingTests {
    private static let cleanup = """
        jobs: {policy: retention, every: 1h, records: "job:<id>", index: "jobs:deadlines", since: [at], keep: 1d}
        """

    /// A committer under a lease, and what it takes to propose changes to it.
    private struct Scene {
        let sweep: SweepScene
        let scope: CommitScope
        let committer: any Committing

        /// A change of a record that stands in the index with score 5.
        func proposal(
            _ id: String, _ guards: [Policies.Guard], _ effects: [Effect], action: Change.Action = .fail,
            next: Timestamp? = nil
        ) -> Evaluation {
            Evaluation(
                entry: DueEntry(id: id, score: 5, scoreText: "5"),
                record: Record(id: id, key: "job:\(id)", content: .missing),
                decision: .change(
                    Change(
                        action: action, from: "A", to: "B", reason: "why", age: .zero, timeout: .zero, guards: guards,
                        effects: effects, next: next)))
        }

        /// Commits changes, one by one as a page.
        func commit(_ page: Evaluation...) async throws -> [CommitResult] {
            try await committer.commit(page, rescores: true, repeats: false)
        }
    }

    private static let status: Policies.Guard = .field("status", equals: "A")

    private static func write(_ value: String? = "B") -> Effect {
        .write(
            RecordWrite(
                [FieldWrite(field: "status", value: value)], before: [FieldWrite(field: "status", value: "A")]))
    }

    private static func refund(_ amount: Int64 = 10, entry: String = "x@1") -> Refund {
        Refund(amount: Amount(amount), balance: "user:1:tokens", ledger: "user:1:refunds", entry: entry)
    }

    private func withCommitter(_ body: (Scene) async throws -> Void) async throws {
        try await withSweepScene(Self.cleanup) { sweep in
            let cleanup = try sweep.cleanup("jobs")
            let (claim, clock) = try await sweep.claim(cleanup)
            let scope = CommitScope(
                store: sweep.engine.store, cleanup: cleanup,
                lease: claim.leaseTerm(sweep.keys), run: claim.run, journal: sweep.engine.journal,
                control: RunControl(trust: nil, timeout: .seconds(60)), clock: clock)
            for id in ["a", "b"] {
                _ = try await sweep.send("HSET", "job:\(id)", "status", "A", "n", "1")
                _ = try await sweep.send("ZADD", "jobs:deadlines", "5", id)
            }
            let scene = Scene(sweep: sweep, scope: scope, committer: scope.committer)
            try await body(scene)
            try await scene.committer.close()
            for pattern in ["curfew:pending:*", "curfew:once:*"] {
                #expect(try await sweep.names(pattern).isEmpty, "\(pattern)")
            }
        }
    }

    @Test("effects of every kind are made, in whatever slots their keys are, and the event says what was there")
    func everyEffect() async throws {
        try await withCommitter { scene in
            let sweep = scene.sweep
            for (key, words) in [("list", ["x", "a", "y"]), ("log:a", ["line"])] {
                _ = try await sweep.redis.send(RedisCommand("RPUSH", [key] + words))
            }
            _ = try await sweep.send("ZADD", "zset", "1", "a")
            _ = try await sweep.send("SET", "gone", "x")
            let results = try await scene.commit(
                scene.proposal(
                    "a", [Self.status, .holds(key: "list", element: "a"), .listed(key: "zset", member: "a")],
                    [
                        .pay(Self.refund()), Self.write(), .put(Push(key: "queue", kind: .list)),
                        .put(Push(key: "head", kind: .zset, score: "7")), .put(Push(key: "log", kind: .stream)),
                        .take(Taking(key: "list", kind: .list)), .take(Taking(key: "zset", kind: .zset)),
                        .store(StoredText(key: "text", text: "t", keptFor: .seconds(100))), .erase("gone"),
                        .discard("log:a"),
                    ]))

            #expect(results == [.changed(isRefunded: true)])
            #expect(try await sweep.hash("job:a") == ["status": "B", "n": "1"])
            #expect(try await sweep.text("user:1:tokens") == "10")
            #expect(try await sweep.hash("user:1:refunds") == ["x@1": "10"])
            #expect(try await sweep.send("LRANGE", "queue", "0", "-1").elements.map(\.string) == ["a"])
            #expect(try await sweep.send("ZSCORE", "head", "a").string == "7")
            #expect(try await sweep.send("XLEN", "log").integer == 1)
            #expect(try await sweep.send("LRANGE", "list", "0", "-1").elements.map(\.string) == ["x", "y"])
            #expect(try await sweep.existing("zset", "gone", "log:a") == 0)
            #expect(try await sweep.text("text") == "t")
            #expect(try await sweep.existing(Keys.trash(of: "log:a", run: scene.scope.run)) == 1)
            #expect(try await sweep.members("jobs:deadlines") == ["b"])
            let events = try await sweep.stream(sweep.keys.events)
            #expect(events.count == 1 && events[0]["tokens"] == "10" && events[0]["record"] == "a")
            #expect(
                events[0]["before"]
                    == #"{"status":"A","curfew:also":["log:a"],"curfew:take":[{"key":"list","kind":"list"},{"key":"zset","kind":"zset"}]}"#
            )
        }
    }

    @Test("two effects at one key are both made")
    func twice() async throws {
        try await withCommitter { scene in
            let push = Effect.put(Push(key: "queue", kind: .list))
            let results = try await scene.commit(scene.proposal("a", [Self.status], [Self.write(), push, push]))
            #expect(results == [.changed(isRefunded: false)])
            #expect(try await scene.sweep.send("LRANGE", "queue", "0", "-1").elements.map(\.string) == ["a", "a"])
        }
    }

    @Test("what moved to the trash comes back with its index entry, and is not put over something new")
    func restores() async throws {
        try await withCommitter { scene in
            let sweep = scene.sweep
            _ = try await sweep.send("SET", "log:a", "x")
            let before = try await sweep.dump()
            let removal = scene.proposal("a", [Self.status], [.remove(image: []), .discard("log:a")], action: .remove)
            #expect(try await scene.commit(removal) == [.changed(isRefunded: false)])
            #expect(try await sweep.existing("job:a", "log:a") == 0)

            let run = scene.scope.run
            let restoration = scene.proposal(
                "a",
                [
                    .keyPresent(Keys.trash(of: "job:a", run: run)), .recordMissing,
                    .keyPresent(Keys.trash(of: "log:a", run: run)), .keyAbsent("log:a"),
                ],
                [
                    .restore(Restoration(key: "job:a", run: run, expires: nil)),
                    .restore(Restoration(key: "log:a", run: run, expires: nil)),
                    .relist(Relisting(index: "jobs:deadlines", score: "5", rule: .ifEarlier)),
                ], action: .undo)
            #expect(try await scene.commit(restoration) == [.changed(isRefunded: false)])
            #expect(try await sweep.dump() == before)
            guard case .moved(let number?) = try await scene.commit(restoration)[0] else {
                Issue.record("expected that it has moved")
                return
            }
            // A cluster looks at other slots first.
            #expect([0, 2].contains(number))
        }
    }

    @Test("a guard that doesn't hold is named by its number, wherever its key is, and nothing of the change is made")
    func guards() async throws {
        try await withCommitter { scene in
            let sweep = scene.sweep
            _ = try await sweep.send("SET", "worker", "alive")
            let guards: [Policies.Guard] = [
                Self.status, .keyAbsent("worker"), .field("n", equals: "1"), .otherText(key: "worker", equals: "dead"),
            ]
            for (wrong, number) in [(1, 1), (3, 3)] {
                let held = guards.enumerated().filter { $0.offset == wrong || ($0.offset != 1 && $0.offset != 3) }
                let place = held.firstIndex { $0.offset == wrong }
                let proposal = scene.proposal("a", held.map(\.element), [.pay(Self.refund()), Self.write()])
                #expect(try await scene.commit(proposal) == [.moved(guardNumber: place)], "guard \(number)")
            }
            let own = scene.proposal("a", [.keyPresent("worker"), .field("n", equals: "2")], [Self.write()])
            #expect(try await scene.commit(own) == [.moved(guardNumber: 1)])
            #expect(try await sweep.hash("job:a") == ["status": "A", "n": "1"])
            #expect(try await sweep.existing("user:1:tokens", "user:1:refunds") == 0)
            #expect(try await sweep.stream(sweep.keys.events).isEmpty)
            #expect(try await sweep.members("jobs:deadlines") == ["a", "b"])
        }
    }

    @Test("each change of a page stands or falls alone: made, moved, refused, paid before")
    func alone() async throws {
        try await withCommitter { scene in
            let sweep = scene.sweep
            _ = try await sweep.send("SET", "queue", "no list")
            _ = try await sweep.send("HSET", "user:1:refunds", "x@1", "10")
            for id in ["c", "d"] {
                _ = try await sweep.send("HSET", "job:\(id)", "status", "A")
                _ = try await sweep.send("ZADD", "jobs:deadlines", "5", id)
            }
            let results = try await scene.commit(
                scene.proposal("a", [Self.status], [.pay(Self.refund()), Self.write()]),
                scene.proposal("b", [.field("status", equals: "other")], [Self.write()]),
                scene.proposal("c", [Self.status], [Self.write(), .put(Push(key: "queue", kind: .list))]),
                scene.proposal("d", [Self.status], [Self.write(nil)], next: Timestamp(milliseconds: 77)))
            #expect(results[0] == .changed(isRefunded: false) && results[1] == .moved(guardNumber: 0))
            guard case .malformed(let why) = results[2] else {
                Issue.record("expected the queue's type to be refused: \(results[2])")
                return
            }
            #expect(why.message.contains("WRONGTYPE queue is a string"))
            #expect(results[3] == .changed(isRefunded: false))
            #expect(try await sweep.existing("user:1:tokens") == 0)
            #expect(try await sweep.hash("job:c") == ["status": "A"])
            #expect(try await sweep.existing("job:d") == 0)
            #expect(try await sweep.score("d", in: "jobs:deadlines") == 77)
            let reasons = try await sweep.stream(sweep.keys.events).map { $0["reason"] }
            #expect(reasons.count == 2 && reasons.contains { $0?.contains("not refunded again") == true })
        }
    }

    @Test("without the lease nothing is made, and the error says so")
    func fenced() async throws {
        try await withCommitter { scene in
            let lease = try #require(scene.scope.lease)
            _ = try await scene.sweep.send("HSET", lease.key, "term", "9 other 9", "fence", "9")
            var scope = scene.scope
            scope = CommitScope(
                store: scope.store, cleanup: scope.cleanup,
                lease: LeaseTerm(key: lease.key, term: "0 older 1"), run: scope.run, journal: scope.journal,
                control: scope.control, clock: scope.clock)
            let proposal = scene.proposal("a", [Self.status], [Self.write()])
            await #expect(throws: CurfewError.self) {
                _ = try await scope.committer.commit([proposal], rescores: true, repeats: false)
            }
            #expect(try await scene.sweep.hash("job:a") == ["status": "A", "n": "1"])
        }
    }
}

import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What is written down of an unfinished change is finished only where a run of the cleanup can have written it.
@Suite("saga: forged notes", .tags(.cluster), .onlyCluster)
struct SagaForgedTests {
    private static let cleanup = """
        jobs: {policy: stuck, every: 1h, records: "job:<id>", index: jobs, states: [P], since: [at], timeout: 5m, to: F}
        """

    /// Writes down an unfinished change: what it moves away and pays.
    private func forge(
        mark key: String, term: String = "1 x 1", run: String = "jobs-1", id: String = "h", of record: String = "job:h",
        moves: String = "user:root", recoveries: String? = nil, _ scene: SweepScene
    ) async throws {
        let mark = SagaMark(key: key, term: term)
        let entry = SagaEntry(
            place: 0, id: id, key: record,
            effects: [
                .pay(Refund(amount: 1_000, balance: "user:{m}:tokens", ledger: "user:{m}:refunds", entry: "x@1")),
                .discard(moves),
            ] + (recoveries.map { [.store(StoredText(key: $0, text: "1", keptFor: .seconds(9)))] } ?? []))
        let plan = SagaPlan(run: run, page: "\(term)/1", entries: [entry])
        try await scene.write(key, [mark.field(1): String(decoding: plan.text, as: UTF8.self)])
        let note = SagaLogEntry.of([mark])[0]
        try await scene.write(scene.keys.saga("jobs"), [note.field: note.text])
    }

    private func isUntouched(_ scene: SweepScene) async throws -> Bool {
        let tokens = try await scene.text("user:{m}:tokens")
        return try await scene.text("user:root") == "s" && tokens == "1"
    }

    @Test(
        "a mark with another name than this cleanup's runs give is no mark, and isn't written to",
        arguments: [
            ("{curfew}:alert:x", "1 x 1"), ("{curfew}:seen:jobs", "1"), ("user:{x}", "1 x 1"),
            ("curfew:pending:others-1:{job:h}", "1 x 1"), ("curfew:pending:jobs-:{job:h}", "1 x 1"),
            ("curfew:pending:jobs-1x:{job:h}", "1 x 1"), ("curfew:pending:jobs-1:{job:h}", "2 x 1"),
            ("curfew:once:jobs-1:{job:h}", "1 x 1"),
        ])
    func name(mark: String, term: String) async throws {
        try await withSweepScene(Self.cleanup) { scene in
            _ = try await scene.send("SET", "user:root", "s")
            _ = try await scene.send("SET", "user:{m}:tokens", "1")
            try await forge(mark: mark, term: term, scene)
            let before = try await scene.hash(mark)
            let result = try await scene.run("jobs")
            #expect(result.status == .completedWithErrors && result.failed == 1, "\(result)")
            #expect(result.errors.first?.error.contains("holds something else than the name of a mark") == true)
            #expect(try await isUntouched(scene))
            #expect(try await scene.hash(mark) == before)
        }
    }

    @Test("a change of another run, of a key that isn't its record's, or of Curfew's own keys, is not finished")
    func entry() async throws {
        let mark = "curfew:pending:jobs-1:{job:h}"
        let forgeries: [(String, (SweepScene) async throws -> Void)] = [
            ("holds something else than changes", { try await forge(mark: mark, run: "others-1", $0) }),
            ("names the key user:h, where h is at job:h", { try await forge(mark: mark, of: "user:h", $0) }),
            (
                "would be {curfew}:fence, one of Curfew's own",
                { try await forge(mark: mark, moves: "{curfew}:fence", $0) }
            ),
            ("names another key for its recoveries", { try await forge(mark: mark, recoveries: "user:root", $0) }),
        ]
        for (why, forgery) in forgeries {
            try await withSweepScene(Self.cleanup) { scene in
                _ = try await scene.send("SET", "user:root", "s")
                _ = try await scene.send("SET", "user:{m}:tokens", "1")
                try await forgery(scene)
                for _ in 1...2 {
                    let result = try await scene.run("jobs")
                    #expect(result.failed == 1 && result.errors.first?.error.contains(why) == true, "\(result)")
                }
                #expect(try await isUntouched(scene), "\(why)")
                #expect(try await scene.existing("{curfew}:fence") == 1)
            }
        }
    }

    @Test("what a run can have written is finished")
    func sound() async throws {
        try await withSweepScene(Self.cleanup) { scene in
            _ = try await scene.send("SET", "user:root", "s")
            _ = try await scene.send("SET", "user:{m}:tokens", "1")
            let recoveries = scene.keys.recoveries("jobs", of: "h")
            try await forge(mark: "curfew:pending:jobs-1:{job:h}", recoveries: recoveries, scene)
            #expect(try await scene.run("jobs").failed == 0)
            #expect(try await scene.text("user:{m}:tokens") == "1001")
            #expect(try await scene.existing("user:root") == 0)
            #expect(try await scene.text(recoveries) == "1")
        }
    }
}

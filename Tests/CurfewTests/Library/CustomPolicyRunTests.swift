import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("cleanups with a program's own policy", .tags(.ownServer), .everyTopology)
struct CustomPolicyRunTests {
    private static let cleanup = """
        tidy: {policy: tidy-up, every: 1h, records: "doc:<id>", index: docs, idle: 1h, inbox: "inbox:<owner>"}
        """

    /// Two documents that nobody touched for two hours, one that was touched just now, and one whose owner lives.
    private func withDocuments(_ body: (SweepScene) async throws -> Void) async throws {
        try await withSweepScene(Self.cleanup, policies: KnownPolicies(own: [TidyPolicy.self])) { scene in
            let old = String((scene.began - .seconds(7_200)).milliseconds)
            for (id, touched, owner) in [
                ("a", old, "ann"), ("b", old, "bob"), ("c", String(scene.began.milliseconds), "ann"), ("d", old, "dan"),
            ] {
                let fields = ["status": "open", "touched": touched, "owner": owner, "draft": "text", "cost": "5"]
                try await scene.write("doc:\(id)", fields, index: "docs", id: id)
            }
            _ = try await scene.send("SET", "worker:dan:alive", "1")
            _ = try await scene.send("SET", "doc:a:log", "lines")
            try await body(scene)
        }
    }

    @Test("they are previewed, carried out with events, pay once, and are undone")
    func whole() async throws {
        try await withDocuments { scene in
            let before = try await scene.dump()
            let foreseen = try await scene.run("tidy", isDryRun: true)
            #expect(foreseen.totalFound == 2 && foreseen.records.map(\.action) == ["reset", "reset"], "\(foreseen)")
            #expect(try await scene.dump() == before)
            let contents = try await scene.contents()

            let run = try await scene.run("tidy")
            #expect(run.status == .completed && run.cleanedUp == 2 && run.failed == 0, "\(run)")
            #expect(String(run.tokensRefunded) == "10")
            #expect(try await scene.hash("doc:a")["status"] == "tidy")
            #expect(try await scene.hash("doc:a")["draft"] == nil)
            #expect(try await scene.hash("doc:c")["draft"] == "text")
            #expect(try await scene.hash("doc:d")["draft"] == "text")
            #expect(try await scene.send("LRANGE", "inbox:ann", "0", "-1").elements.map(\.string) == ["a"])
            #expect(try await scene.text("user:ann:tokens") == "5")
            #expect(try await scene.existing("doc:a:log") == 0)
            let events = try await scene.stream(scene.keys.events)
            #expect(events.map { $0["reason"] } == ["nobody touched it", "nobody touched it"])
            #expect(Set(events.map { $0["record"] }) == ["a", "b"])

            let undone = try await scene.undo(run.run)
            #expect(undone.cleanedUp == 2 && undone.failed == 0, "\(undone)")
            var after = try await scene.contents()
            // What an undo leaves behind: an account with nothing in it.
            for owner in ["ann", "bob"] {
                #expect(try await scene.text("user:\(owner):tokens") == "0")
                after["user:\(owner):tokens"] = nil
                after["user:\(owner):refunds"] = nil
            }
            #expect(Set(after.keys) == Set(contents.keys))
            #expect(after["doc:a"] == contents["doc:a"] && after["doc:a:log"] == contents["doc:a:log"])
        }
    }

    @Test("a record that has moved since it was read is left alone, and an explanation says what would be done")
    func moved() async throws {
        try await withDocuments { scene in
            let told = try await Explanation.make(scene.engine.store, cleanup: try scene.cleanup("tidy"), id: "a")
            #expect(told.verdict == "reset" && told.reason == "nobody touched it")
            #expect(told.effects?.contains("put “a” into inbox:ann") == true, "\(told.effects ?? [])")
            let living = try await Explanation.make(scene.engine.store, cleanup: try scene.cleanup("tidy"), id: "d")
            #expect(living.verdict == "leave" && living.reason == "its owner lives")
            let shorter = try scene.cleanup("tidy").with(timeout: .milliseconds(1))
            let young = try await Explanation.make(scene.engine.store, cleanup: shorter, id: "c")
            #expect(young.verdict == "reset")
        }
    }

    @Test("what it takes is known before anything is connected to: rights and fields")
    func declared() async throws {
        try await withDocuments { scene in
            let needs = Doctor(engine: scene.engine).needs.map { $0.joined(separator: " ") }
            for need in [
                "HSET doc:x a b", "EXISTS worker:x:alive", "RPUSH inbox:x x", "LREM inbox:x -1 x",
                "HSETNX user:x:refunds a 1", "INCRBY user:x:tokens 1",
            ] {
                #expect(needs.contains(need), "\(need)")
            }
        }
    }

    @Test("a record that is gone is taken out of the index without asking, and comes back with an undo")
    func gone() async throws {
        try await withDocuments { scene in
            _ = try await scene.send("ZADD", "docs", "1", "gone")
            let run = try await scene.run("tidy")
            #expect(run.records.first { $0.id == "gone" }?.action == "drop", "\(run)")
            #expect(try await scene.score("gone", in: "docs") == nil)
        }
    }
}

private struct TroublePolicy: WrongPolicy {
    static let name = "trouble"
    static let gate = PolicyGate()
}

private struct EndlessPolicy: WrongPolicy {
    static let name = "endless"
    static let gate = PolicyGate()
}

@Suite("what a program's own policy may do wrong", .tags(.ownServer))
struct CustomPolicyTroubleTests {
    private func withRecords<Own: WrongPolicy>(
        _ policy: Own.Type, _ records: [String: String], runTimeout: String = "5m",
        _ body: (SweepScene) async throws -> Void
    ) async throws {
        let cleanup =
            "odd: {policy: \(policy.name), every: 1h, records: 'doc:<id>', index: docs, run-timeout: \(runTimeout)}"
        try await withSweepScene(cleanup, policies: KnownPolicies(own: [policy])) { scene in
            for (id, does) in records {
                try await scene.write("doc:\(id)", ["does": does, "status": "open"], index: "docs", id: id)
            }
            try await body(scene)
        }
    }

    @Test("each record has its error, in the result and as an event; the others go on")
    func errors() async throws {
        let records = [
            "a": "", "b": "throw", "c": "ask for ever", "d": "no guards", "e": "undeclared key", "f": "old news",
            "g": "",
        ]
        try await withRecords(TroublePolicy.self, records) { scene in
            let foreseen = try await scene.run("odd", isDryRun: true)
            // The guard of “old news” doesn't hold, which a dry run sees as well.
            #expect(
                foreseen.failed == 4 && foreseen.skipped == 1 && foreseen.actions == ["mark": 2], "\(foreseen)")
            let run = try await scene.run("odd")
            #expect(
                run.status == .completedWithErrors && run.cleanedUp == 2 && run.failed == 4 && run.skipped == 1,
                "\(run)")
            let errors = Dictionary(run.errors.map { ($0.id, $0.error) }) { first, _ in first }
            #expect(errors["b"] == "this is what is wrong with it")
            #expect(errors["c"] == "the policy could not decide after 4 questions")
            #expect(errors["d"]?.contains("without guards") == true)
            #expect(errors["e"]?.contains("undeclared:a") == true)
            #expect(try await scene.existing("undeclared:a") == 0)
            #expect(try await scene.hash("doc:f")["status"] == "open")
            let events = try await scene.stream(scene.keys.events).filter { $0["action"] == "error" }
            #expect(Set(events.map { $0["record"] }) == ["b", "c", "d", "e"])
        }
    }

    @Test("a verdict that never comes back is the record's error and ends the run; the process lives on")
    func endless() async throws {
        defer { EndlessPolicy.gate.open() }
        try await withRecords(EndlessPolicy.self, ["a": "never end"], runTimeout: "9s") { scene in
            let run = try await scene.run("odd")
            #expect(run.status == .failed, "\(run)")
            #expect(
                run.errors.first?.error == "the policy endless didn't come back with a verdict within 1s", "\(run)")
            #expect(run.error?.contains("the policy endless hasn't come back with its verdict on a for") == true)

            // Whoever asks next is told so, and isn't held as well.
            let again = try await scene.run("odd")
            #expect(again.status == .failed && again.cleanedUp == 0, "\(again)")
            #expect(again.error?.contains("hasn't come back with its verdict on a") == true)

            EndlessPolicy.gate.open()
            let thread = JudgeThread.of(EndlessPolicy.self, named: "endless", cleanup: "odd")
            try await eventually("the verdict comes back") { (try? thread.checkIsFree()) != nil }
            _ = try await scene.send("HSET", "doc:a", "does", "")
            #expect(try await scene.run("odd").cleanedUp == 1)
        }
    }
}

import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Curfew's own keys are out of reach, whatever a record says.
@Suite("own keys: what a record may name", .tags(.ownServer), .everyTopology)
struct OwnKeysTests {
    private static let jobs =
        "policy: stuck, every: 1m, records: \"job:<id>\", index: jobs, states: [P], since: [at], timeout: 5m, to: F"

    /// Cleanups with a template that takes the field `name`, and a value of it that makes one of Curfew's own keys.
    static let cases: [(cleanup: String, value: String, key: String)] = [
        ("\(jobs), retry: {limit: 2, to: Q, queue: \"{<name>}:events\"}", "curfew", "{curfew}:events"),
        ("\(jobs), retry: {limit: 2, to: Q, queue: \"curfew:<name>\"}", "trash:x", "curfew:trash:x"),
        (
            "\(jobs), refund: {amount: cost, balance: \"{<name>}:fence\", ledger: \"l:<id>\"}", "curfew",
            "{curfew}:fence"
        ),
        (
            "\(jobs), refund: {amount: cost, balance: \"b:<id>\", ledger: \"curfew:<name>\"}", "undone:x",
            "curfew:undone:x"
        ),
        ("\(jobs), alive: \"{<name>}:fence\"", "curfew", "{curfew}:fence"),
        (
            "policy: retention, every: 1m, records: \"job:<id>\", index: jobs, since: [at], keep: 1s, guard: off, "
                + "also: [\"{<name>}:paused\"]", "curfew", "{curfew}:paused"
        ),
        (
            "policy: dependent, every: 1m, records: \"job:<id>\", index: jobs, states: [P], since: [at], grace: 1s, "
                + "parent: \"curfew:<name>\", parent-states: [x], to: F", "once:x", "curfew:once:x"
        ),
        (
            "policy: counters, every: 1m, records: \"job:<id>\", index: jobs, states: [P], since: [at], timeout: 1m, "
                + "total: cost, counters: {queued: q, processing: p, completed: c, failed: f}, "
                + "members: {zset: \"{<name>}:schedule\", record: \"job:<id>\"}", "curfew", "{curfew}:schedule"
        ),
        (
            "policy: counters, every: 1m, records: \"job:<id>\", index: jobs, states: [P], since: [at], timeout: 1m, "
                + "total: cost, counters: {queued: q, processing: p, completed: c, failed: f}, "
                + "members: {set: \"names:<name>\", record: \"{<id>}:fence\"}", "x", "{curfew}:fence"
        ),
    ]

    @Test("a record that names one of them is an error, beside records that are dealt with", arguments: cases.indices)
    func named(number: Int) async throws {
        let (cleanup, value, key) = Self.cases[number]
        try await withSweepScene("jobs: {\(cleanup), allow: any}") { scene in
            let at = String((scene.began - .seconds(86_400)).milliseconds)
            for (id, name) in [("1", "good"), ("2", value), ("3", "fine")] {
                let counts = ["cost": "2", "q": "9", "p": "0", "c": "0", "f": "0"]
                let fields = ["status": "P", "at": at, "name": name].merging(counts) { own, _ in own }
                try await scene.write("job:\(id)", fields, index: "jobs", id: id)
            }
            _ = try await scene.send("SADD", "names:x", "curfew")
            let before = try await scene.hash("job:2")
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("jobs"))
            let run = try await scene.run("jobs")
            for result in [preview, run] {
                #expect(result.errors.map(\.id) == ["2"], "\(result)")
                let error = result.errors.first?.error ?? ""
                #expect(error.contains("would be \(key), one of Curfew's own keys"), "\(error)")
            }
            #expect(run.status == .completedWithErrors)
            #expect(try await scene.hash("job:2") == before)
            #expect(
                try await scene.existing(key)
                    == (["{curfew}:fence", "{curfew}:schedule", "{curfew}:events"]
                        .contains(key) ? 1 : 0))
        }
    }

    @Test("with another prefix its own keys are those, and {curfew}:… is anybody's")
    func prefix() async throws {
        let cleanup =
            "old: {policy: retention, every: 1m, records: \"old:<id>\", index: olds, since: [at], keep: 1s, "
            + "guard: off, also: [\"{<name>}:events\"]}"
        try await withSweepScene(cleanup, settings: "prefix: \"own:1\"") { scene in
            for (id, name) in [("1", "own:1"), ("2", "curfew")] {
                try await scene.write("old:\(id)", ["at": "1690000000", "name": name], index: "olds", id: id)
            }
            _ = try await scene.send("SET", "{curfew}:events", "the application's")
            let result = try await scene.run("old")
            #expect(result.errors.map(\.id) == ["1"] && result.records.map(\.id) == ["2"], "\(result)")
            #expect(try await scene.existing("{curfew}:events") == 0)
        }
    }

    @Test(
        "the value of a field with a brace, or with what ends its gap, is an error unless allowed",
        arguments: [true, false])
    func values(isAllowed: Bool) async throws {
        let cleanup =
            "jobs: {\(Self.jobs), refund: {amount: cost, balance: \"user:<name>:tokens\", "
            + "ledger: \"user:<name>:refunds\"}\(isAllowed ? ", allow: any" : "")}"
        try await withSweepScene(cleanup) { scene in
            for (id, name) in [("1", "42:daily"), ("2", "42"), ("3", "a{b}c")] {
                let fields = ["status": "P", "at": "1690000000", "cost": "7", "name": name]
                try await scene.write("job:\(id)", fields, index: "jobs", id: id)
            }
            let result = try await scene.run("jobs")
            #expect(result.errors.map(\.id).sorted() == (isAllowed ? [] : ["1", "3"]), "\(result)")
            #expect(try await scene.text("user:42:tokens") == "7")
            #expect(try await scene.text("user:42:daily:tokens") == (isAllowed ? "7" : nil))
        }
    }

    private static let sessions =
        "sessions: {policy: retention, every: 1h, records: \"<id>:session\", since: [at], keep: 1s, guard: off, only: {id: \".*\"}}"

    private func scan(_ scene: SweepScene, _ name: String) async throws {
        let control = RunControl(trust: nil, timeout: .seconds(300))
        let scan = KeyspaceScan(engine: scene.engine, cleanup: try scene.cleanup(name), control: control)
        var fence = ""
        #expect(try await scan.runOnce(.now, fence: &fence) == .finished)
    }

    @Test("what lies in the trash is no record, though its name fits the template; it comes back")
    func trash() async throws {
        try await withSweepScene(Self.sessions) { scene in
            let key = "user:{7}:session"
            try await scene.write(key, ["at": "1690000000"])
            try await scan(scene, "sessions")
            let first = try await scene.run("sessions")
            #expect(first.cleanedUp == 1)
            let trash = "curfew:trash:\(first.run):\(key)"
            #expect(try await scene.existing(trash) == 1)
            try await scan(scene, "sessions")
            let index = scene.keys.index("sessions")
            #expect(try await scene.members(index).isEmpty)
            // An older version may have entered it.
            _ = try await scene.send("ZADD", index, "0", String(trash.dropLast(":session".count)))
            let second = try await scene.run("sessions")
            #expect(second.cleanedUp == 0 && second.errors.isEmpty, "\(second)")
            #expect(try await scene.members(index).isEmpty)
            #expect(try await scene.existing(trash) == 1)
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("sessions"))
            #expect(preview.totalFound == 0, "\(preview)")
            #expect(try await scene.undo(first.run).cleanedUp == 1)
            #expect(try await scene.hash(key) == ["at": "1690000000"])
        }
    }

    @Test("leases and indexes are no records either; in an index of the application's they are errors")
    func leases() async throws {
        let locks =
            "lock: {policy: locks, every: 1h, records: \"<id>:lock\", timeout: 1s, guard: off}\n"
            + "listed: {policy: locks, every: 1h, records: \"<id>:lock\", index: locks, timeout: 1s, guard: off}"
        try await withSweepScene(locks) { scene in
            _ = try await scene.send("SET", "door:lock", "ada")
            _ = try await scene.send("SET", "curfew:undone:x:lock", "1")
            let (claim, _) = try await scene.claim(try scene.cleanup("lock"))
            try await scan(scene, "lock")
            #expect(try await scene.members(scene.keys.index("lock")) == ["door"])
            _ = try await scene.send("ZADD", "locks", "0", "{curfew}:lease")
            _ = try await scene.send("ZADD", "locks", "0", "door")
            let result = try await scene.run("listed")
            #expect(result.errors.map(\.id) == ["{curfew}:lease"], "\(result)")
            let why = "{curfew}:lease:lock is one of Curfew's own keys: expected a record"
            #expect(result.errors.first?.error == why)
            #expect(try await scene.hash("{curfew}:lease:lock")["run"] == claim.run)
        }
    }
}

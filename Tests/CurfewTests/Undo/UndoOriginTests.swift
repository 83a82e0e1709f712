import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// An undo puts back what its cleanup can have done, and nothing that somebody else has written into the events.
@Suite("undo: forged events", .tags(.ownServer), .everyTopology)
struct UndoOriginTests {
    private static let cleanups = """
        jobs: {policy: stuck, every: 1h, records: "job:<id>", index: jobs, states: [P], since: [at], timeout: 5m, to: F}
        docs: {policy: stuck, every: 1h, format: json, records: "doc:<id>", index: docs, states: [P], since: [at], timeout: 5m, to: F, writes: {error: info.error}}
        old: {policy: retention, every: 1h, records: "old:<id>", since: [at], keep: 1d, also: ["log:<log>", "old:<id>:x"]}
        locks: {policy: locks, every: 1h, records: "<id>:lock", timeout: 1m}
        """

    /// Has a run of a cleanup that wasn't, with one event of it, undone.
    private func forged(
        _ cleanup: String, _ record: String, _ key: String, action: String = "fail", before: String, _ scene: SweepScene
    ) async throws -> RunResult {
        let now = String(scene.began.milliseconds)
        let run = "\(cleanup)-4242"
        _ = try await scene.send(
            "XADD", scene.keys.runs, "*", "run", run, "cleanup", cleanup, "trigger", "schedule", "dry_run", "0",
            "status",
            "completed", "started_ms", now, "finished_ms", now, "changed", "-9223372036854775808")
        _ = try await scene.send(
            "XADD", scene.keys.events, "*", "run", run, "cleanup", cleanup, "record", record, "key", key, "action",
            action, "from", "", "to", "", "reason", "x", "type", "", "tokens", "0", "bytes", "0", "before", before,
            "at_ms", now)
        return try await scene.undo(run)
    }

    private static let role = #"{"role":"admin","curfew:after":{"role":null}}"#
    private static let status = #"{"status":"P","curfew:after":{"status":null}}"#

    @Test(
        "a key that isn't that of the record, a field that isn't written, what doesn't go along, another's trash",
        arguments: [
            ("jobs", "root", "job:root", "{x}", status), ("jobs", "harmless", "user:root", "fail", status),
            ("jobs", "root", "job:root", "fail", role),
            ("jobs", "{curfew}:x", "{curfew}:schedule", "fail", status), ("old", "1", "user:root", "remove", "{}"),
            ("old", "1", "old:1", "remove", #"{"curfew:also":["user:root"]}"#),
            ("old", "1", "old:1", "remove", #"{"curfew:also":["log:a","old:2:x"]}"#),
            ("old", "1", "old:1", "remove", #"{"curfew:also":["log:{x}"]}"#),
            ("old", "1", "old:1", "remove", #"{"curfew:run":"jobs-1"}"#),
            ("old", "1", "old:1", "remove", #"{"curfew:run":"old-x"}"#),
            ("jobs", "root", "job:root", "remove", #"{"curfew:also":["user:root"]}"#),
            ("locks", "{curfew}:lease:locks", "{curfew}:lease:locks:lock", "release", "{}"),
            ("docs", "1", "doc:1", "fail", #"{"role":"admin","curfew:after":{"role":null}}"#),
            (
                "docs", "1", "doc:1", "fail",
                #"{"status":"P","curfew:after":{"status":null},"curfew:json":{"status":"\"P\",\"role\":\"admin\""}}"#
            ),
            (
                "docs", "1", "doc:1", "fail",
                #"{"status":"P","curfew:after":{"status":null},"curfew:json":{"role":"\"admin\""}}"#
            ),
        ])
    func disbelieved(cleanup: String, record: String, key: String, action: String, before: String) async throws {
        try await withSweepScene(Self.cleanups) { scene in
            try await scene.write("user:root", ["name": "root"])
            try await scene.write("job:root", ["at": "1690000000"])
            _ = try await scene.send("SET", "doc:1", #"{"at":1690000000}"#)
            for lost in ["user:root", "old:1", "log:a", "old:2:x", "log:{x}"] {
                for run in [cleanup + "-4242", "jobs-1", "old-x"] {
                    try await scene.write(Keys.trash(of: lost, run: run), ["name": "trashed"])
                }
            }
            _ = try await scene.engine.coordinator.claim(try scene.cleanup(cleanup), trigger: "manual", isDryRun: false)
            _ = try await scene.send("DEL", scene.keys.lease(cleanup))
            let known = try await scene.dump()
            let result = try await forged(cleanup, record, key, action: action, before: before, scene)
            #expect(result.cleanedUp == 0 && result.errors.count == 1, "\(result)")
            let error = result.errors.first?.error ?? ""
            #expect(error.hasPrefix("its event can't be one of \(cleanup), and nothing is put back: "), "\(error)")
            #expect(try await scene.dump() == known)
        }
    }

    @Test("what the cleanup can have done is put back, whatever values its fields had")
    func believed() async throws {
        try await withSweepScene(Self.cleanups) { scene in
            try await scene.write("job:1", ["status": "F", "error": "x"])
            let before = #"{"status":"P","error":null,"curfew:after":{"status":"F","error":"x"}}"#
            #expect(try await forged("jobs", "1", "job:1", before: before, scene).cleanedUp == 1)
            #expect(try await scene.hash("job:1") == ["status": "P"])
            for key in ["old:1", "log:a:b", "old:1:x"] {
                try await scene.write(Keys.trash(of: key, run: "old-4242"), ["of": key])
            }
            let also = #"{"curfew:also":["log:a:b","old:1:x"]}"#
            #expect(try await forged("old", "1", "old:1", action: "remove", before: also, scene).cleanedUp == 1)
            for key in ["old:1", "log:a:b", "old:1:x"] { #expect(try await scene.hash(key) == ["of": key]) }
        }
    }
}

import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew
@testable import Policies

/// A policy that Curfew doesn't have: a record that nobody touched for a while loses a field, and says so in a list.
///
/// This file is all there is of it. Preview, commit, events, undo, rights and slot plan follow from what it declares.
private struct IdlePolicy: Policies.Policy {
    static let kind = PolicyKind(rawValue: "idle")

    let since: Start
    let idle: Duration
    let clears: String
    let inbox: KeyTemplate?
    var timeoutOverride: Duration?
    var times = TimeReading()

    var fields: [String] { since.fields + [clears] + (inbox?.fields ?? []) }
    var writtenFields: [String] { [clears] }
    var longestTimeout: Duration { timeoutOverride ?? idle }
    var meaning: String { "clears \(clears) of what nobody touched for \(longestTimeout.text)" }
    var writes: [KeyUse] {
        inbox.map { [KeyUse(.queue, $0, [["TYPE"], ["LLEN"], ["RPUSH", "x"], ["LREM", "-1", "x"]])] } ?? []
    }

    func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        guard record.content != .missing else { return .drop(because: "it is gone", guards: [.recordMissing]) }
        let touched = try since.time(of: record, by: times, at: now)
        let deadline = touched.time.timestamp + longestTimeout
        guard now >= deadline else { return .leave(until: deadline, because: "touched lately") }
        guard record.present(clears) != nil else {
            return .leave(until: now + longestTimeout, because: "\(clears) is cleared")
        }
        var effects: [Effect] = [
            .write(RecordWrite([FieldWrite(field: clears, value: nil)], before: record.image([clears])))
        ]
        if let inbox { effects.append(.put(Push(key: try inbox.expand(for: record), kind: .list))) }
        return .change(
            Change(
                action: .reset, from: "", to: "", reason: "nobody touched it for \(longestTimeout.text)",
                age: now - touched.time.timestamp, timeout: longestTimeout,
                guards: touched.guards + [.field(clears, equals: record[clears])], effects: effects,
                next: now + longestTimeout))
    }

    func queue(of record: Record, after action: Change.Action) throws(RecordError) -> String? {
        try inbox?.expand(for: record)
    }
}

extension IdlePolicy: ConfiguredPolicy {
    static let keys = ["since", "idle", "clears", "inbox"]

    init?(_ section: Section, status: String) {
        let since = section.start("since", isRequired: true)
        let idle = section.duration("idle", isRequired: true)
        let clears = section.text("clears", isRequired: true, expected: "the name of a field")
        inbox = section.template("inbox")
        guard let since, let idle, let clears else { return nil }
        (self.since, self.idle, self.clears) = (since, idle, clears)
    }
}

@Suite("a policy of one's own", .tags(.ownServer), .everyTopology)
struct EighthPolicyTests {
    private static let cleanup = """
        tidy: {policy: idle, every: 1h, records: "doc:<id>", index: docs, since: [touched], idle: 1h, clears: draft, inbox: "inbox:<owner>"}
        """

    private func withDocuments(_ body: (SweepScene) async throws -> Void) async throws {
        let policies = KnownPolicies(Section.builtInPolicies + [IdlePolicy.self])
        try await withSweepScene(Self.cleanup, policies: policies) { scene in
            let old = String((scene.began - .seconds(7_200)).milliseconds)
            for id in ["a", "b"] {
                let fields = ["touched": old, "draft": "text", "owner": "o\(id)"]
                try await scene.write("doc:\(id)", fields, index: "docs", id: id)
            }
            let young = ["touched": String(scene.began.milliseconds), "draft": "new", "owner": "oc"]
            try await scene.write("doc:c", young, index: "docs", id: "c")
            try await body(scene)
        }
    }

    @Test("it is previewed, carried out with events, and undone, like those that are built in")
    func whole() async throws {
        try await withDocuments { scene in
            let before = try await scene.dump()
            let foreseen = try await scene.run("tidy", isDryRun: true)
            #expect(foreseen.totalFound == 2 && foreseen.records.map(\.action) == ["reset", "reset"], "\(foreseen)")
            #expect(try await scene.dump() == before)

            let run = try await scene.run("tidy")
            #expect(run.status == .completed && run.cleanedUp == 2, "\(run)")
            #expect(try await scene.hash("doc:a")["draft"] == nil)
            #expect(try await scene.hash("doc:c")["draft"] == "new")
            #expect(try await scene.send("LRANGE", "inbox:oa", "0", "-1").elements.map(\.string) == ["a"])
            let events = try await scene.stream(scene.keys.events)
            let image = #"{"draft":"text","curfew:after":{"draft":null}}"#
            #expect(events.map { $0["before"] } == [image, image])

            _ = try await scene.send("HSET", "doc:b", "draft", "written since")
            let undone = try await scene.undo(run.run)
            #expect(undone.cleanedUp == 1 && undone.skipped == 1, "\(undone)")
            #expect(try await scene.hash("doc:a")["draft"] == "text")
            #expect(try await scene.hash("doc:b")["draft"] == "written since")
        }
    }

    @Test("what it takes is known before anything is connected to: rights, slot plan, fingerprint of a plan")
    func declared() async throws {
        try await withDocuments { scene in
            let needs = Doctor(engine: scene.engine).needs.map { $0.joined(separator: " ") }
            for need in ["HDEL doc:x a", "RPUSH inbox:x x", "LREM inbox:x -1 x"] { #expect(needs.contains(need)) }
            let plan = SlotPlan(try scene.cleanup("tidy"), prefix: "curfew")
            #expect(plan.saga.contains("queue inbox:<owner>"))
            #expect(try scene.cleanup("tidy").policy.meaning == "clears draft of what nobody touched for 1h")
        }
    }

    @Test("a configuration without it says which policies there are")
    func unknown() throws {
        let text = "redis: redis://x\ncleanups:\n  \(Self.cleanup)\n"
        #expect(throws: ConfigurationError.self) {
            try Configuration.parse(text, file: "c.yaml", environment: [:])
        }
    }
}

import Curfew
import HTTPTypes
import HummingbirdTesting
import RedisClient
import TestNeeds
import Testing

@testable import Admin

/// Marks what is open, and says when.
private struct MarkPolicy: Policy {
    static let name = "mark-open"
    static let keys = ["with"]

    let word: String

    init?(reading section: PolicySection) throws {
        guard let word = section.text("with", required: true) else { return nil }
        self.word = word
    }

    var meaning: String { "marks what is open with \(word)" }
    var reads: [PolicyRead] { [.field("status")] }
    var writes: [PolicyWrite] { [.field("mark")] }

    func verdict(on record: PolicyRecord, at now: PolicyTime) throws -> PolicyVerdict {
        guard let status = record.present("status") else { throw PolicyError("status is missing: expected open") }
        guard status == "open" else { return .drop(because: "it is \(status)") }
        return .change(
            PolicyChange(
                .mark, reason: "it is open", guards: record.unchanged("status"), effects: [.set("mark", to: word)]))
    }
}

@Suite("Dashboard: a cleanup with a program's own policy", .tags(.ownServer))
struct DashboardOwnPolicyTests {
    private static let cleanups =
        "cleanups:\n  marks: {policy: mark-open, every: 1h, records: 'doc:<id>', index: docs, with: red}"

    @Test("it is shown, previewed, run and undone by forms, and its errors are on the run's page")
    func forms() async throws {
        let policies = KnownPolicies(own: [MarkPolicy.self])
        try await withAdmin(cleanups: Self.cleanups, policies: policies) { scene in
            try await scene.send("HSET", "doc:a", "status", "open")
            try await scene.send("HSET", "doc:b", "title", "no status")
            for id in ["a", "b"] { try await scene.send("ZADD", "docs", "1", id) }
            try await scene.application().test(.router) { client in
                let page = "/cleanups/marks"
                let shown = try await client.ask(.get, page)
                #expect(shown.status == 200 && shown.text.contains("mark-open"), "\(shown.text)")
                let preview = try await client.ask(.get, page + "/preview")
                #expect(preview.text.contains("it is open") && preview.text.contains("Would clean up 1 of 2"))
                let pages = DashboardPageTests()
                let run = try await pages.press(client, page + "/run", page: page)
                #expect(run.hasPrefix("Cleaned up 1 of 2 marks"), "\(run)")
                #expect(try await scene.send("HGET", "doc:a", "mark").string == "red")
                let ended = try await client.ask(.get, "/runs/marks-1").text
                #expect(ended.contains("status is missing: expected open"))
                let undone = try await pages.press(client, "/runs/marks-1/undo", page: page)
                #expect(undone.hasPrefix("Put back 1 of 1"), "\(undone)")
                #expect(try await scene.send("HGET", "doc:a", "mark").isNull)
                let record = try await client.ask(.get, "/api/v1/records?cleanup=marks&id=a")
                #expect(record.status == 200 && record.text.contains("it is open"), "\(record.text)")
            }
        }
    }
}

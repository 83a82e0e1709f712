import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Admin

@Suite("One record's story", .tags(.ownServer))
struct AdminRecordTests {
    private func items(_ answer: AdminScene.Answer) throws -> [[String: Any]] {
        try #require(try answer.json["items"] as? [[String: Any]])
    }

    @Test("a record is found by its id or its key, with its events, what would happen now, and what undid a change")
    func story() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.stick("b")
            try await scene.application().test(.router) { client in
                _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs")
                for question in ["id=a", "id=job:a", "id=a&cleanup=stuck-jobs", "id=job%3Aa&limit=1"] {
                    let answer = try await client.ask(.get, "/api/v1/records?\(question)")
                    #expect(answer.status == 200, "\(question): \(answer.text)")
                    let items = try items(answer)
                    #expect(
                        items.map { $0["action"] as? String } == ["fail"]
                            && items[0]["run"] as? String == "stuck-jobs-1")
                    #expect(items[0]["tokens"] as? Int == 9 && items[0]["at_ms"] as? String != nil)
                    #expect(items[0]["atMs"] is Int && items[0]["undoable"] as? Bool == true)
                    let now = try #require(try answer.json["now"] as? [[String: Any]])
                    #expect(Set(now.compactMap { $0["cleanup"] as? String }).isSuperset(of: ["stuck-jobs"]))
                    #expect(now.allSatisfy { $0["verdict"] != nil && ($0["reason"] as? String)?.isEmpty == false })
                }
                let undone = try await client.ask(.post, "/api/v1/runs/stuck-jobs-1/undo", "{\"record\": \"a\"}")
                #expect(try undone.message.hasPrefix("Put back 1 of 1 records that stuck-jobs-1 changed"))
                #expect(try await scene.send("HGET", "job:a", "status").string == "RUNNING")
                #expect(try await scene.send("HGET", "job:b", "status").string == "FAILED")
                let after = try items(try await client.ask(.get, "/api/v1/records?id=a"))
                #expect(after.map { $0["action"] as? String } == ["undo", "fail"])
                #expect(after[1]["undoneBy"] as? String == "stuck-jobs-2" && after[1]["undoable"] as? Bool == false)
                // The other change of the run can still be undone.
                #expect(try items(try await client.ask(.get, "/api/v1/records?id=b"))[0]["undoable"] as? Bool == true)
            }
        }
    }

    @Test("a record that was never seen, an unknown cleanup and a record that the run didn't change are errors")
    func unknown() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.application().test(.router) { client in
                _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs")
                for (question, status, text) in [
                    ("id=none", 404, "there is no record “none”, and no event of it in the history"),
                    ("id=a&cleanup=none", 404, "there is no cleanup “none”"),
                    ("cleanup=stuck-jobs", 400, "id: missing"),
                    ("id=", 400, "id: expected"), ("id=a&x=1", 400, "x: unknown parameter"),
                    ("id=a&cursor=x", 400, "cursor: expected"),
                ] {
                    let answer = try await client.ask(.get, "/api/v1/records?\(question)")
                    #expect(answer.status == status, "\(question): \(answer.text)")
                    #expect(try answer.message.contains(text), "\(question): \(answer.text)")
                }
                let other = try await client.ask(.post, "/api/v1/runs/stuck-jobs-1/undo", "{\"record\": \"b\"}")
                #expect(other.status == 409)
                #expect(try other.message.contains("there is no change of “b” by stuck-jobs-1 in the events"))
            }
        }
    }

    @Test("a record that is gone still has its story, page by page")
    func pages() async throws {
        try await withAdmin { scene in
            let now = try await scene.engine.serverClock().now.milliseconds
            for number in 0..<130 {
                try await scene.send(
                    "XADD", scene.engine.keys.events, "\(now - 130 + Int64(number))-0", "run", "stuck-jobs-\(number)",
                    "cleanup", "stuck-jobs", "record", "gone", "key", "job:gone", "action", "fail", "reason", "r")
            }
            try await scene.application().test(.router) { client in
                var runs: [String] = []
                var cursor = ""
                repeat {
                    let answer = try await client.ask(.get, "/api/v1/records?id=gone&limit=50\(cursor)")
                    runs += try items(answer).compactMap { $0["run"] as? String }
                    #expect((try answer.json["now"] as? [Any])?.isEmpty == true)
                    cursor = (try answer.json["next"] as? String).map { "&cursor=\($0)" } ?? ""
                } while !cursor.isEmpty
                #expect(runs == (0..<130).reversed().map { "stuck-jobs-\($0)" })
            }
        }
    }

    @Test("on the dashboard a record is searched for without a script, linked from tables, and its change undone")
    func page() async throws {
        let id = "<b>\u{202E}\"x"
        try await withAdmin { scene in
            try await scene.stick(id)
            try await scene.application().test(.router) { client in
                _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs")
                let home = try await client.ask(.get, "/").text
                #expect(home.contains("<form method=\"get\" action=\"/records\" role=\"search\""))
                let link = "/records?id=%3Cb%3E%E2%80%AE%22x&amp;cleanup=stuck-jobs"
                #expect(home.contains("href=\"\(link)\""))
                #expect(try await client.ask(.get, "/runs/stuck-jobs-1").text.contains("href=\"\(link)\""))
                let path = link.replacing("&amp;", with: "&")
                let page = try await client.ask(.get, path)
                #expect(page.status == 200 && !page.text.contains("<b>") && !page.text.contains("\u{202E}"))
                #expect(page.text.contains("What would happen now") && page.text.contains("Undo this change"))
                #expect(!(try await client.ask(.get, path, token: AdminScene.viewer).text.contains("Undo this change")))
                let token = try DashboardSignInTests.formToken(in: page.text)
                let form = DashboardSignInTests.form([
                    "form_token": token, "record": id, "cleanup": "stuck-jobs",
                ])
                let answer = try await client.ask(
                    .post, "/runs/stuck-jobs-1/undo", form, headers: DashboardSignInTests.headers)
                #expect(answer.status == 303 && answer.headers[.location] == path)
                #expect(try await scene.send("HGET", "job:\(id)", "status").string == "RUNNING")
                let after = try await client.ask(.get, path).text
                #expect(after.contains("undone by <a href=\"/runs/stuck-jobs-2\">"))
                #expect(!after.contains("Undo this change"))
                let unknown = try await client.ask(.get, "/records?id=none")
                #expect(unknown.status == 404 && unknown.text.contains("There is no record “none”"))
                #expect(try await client.ask(.get, "/records").text.contains("Record: its id or its key"))
            }
        }
    }

    @Test("a run that was undone says so, links to its undo and back, and offers no second one")
    func undone() async throws {
        try await withAdmin { scene in
            try await scene.stick("a")
            try await scene.application().test(.router) { client in
                _ = try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs")
                #expect(try await client.ask(.get, "/runs/stuck-jobs-1").text.contains("Undo this run"))
                _ = try await client.ask(.post, "/api/v1/runs/stuck-jobs-1/undo")
                let run = try await client.ask(.get, "/runs/stuck-jobs-1").text
                #expect(run.contains("Undone by <a href=\"/runs/stuck-jobs-2\">") && !run.contains("Undo this run"))
                let undo = try await client.ask(.get, "/runs/stuck-jobs-2").text
                #expect(undo.contains("This run undid <a href=\"/runs/stuck-jobs-1\">"))
                #expect(!undo.contains("Undo this run"))
                // Nothing was done that could be undone.
                _ = try await client.ask(.post, "/api/v1/cleanups/old-jobs/runs")
                #expect(!(try await client.ask(.get, "/runs/old-jobs-1").text.contains("Undo this run")))
            }
        }
    }
}

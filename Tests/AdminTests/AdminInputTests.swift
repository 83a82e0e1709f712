import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import TestNeeds
import Testing

@testable import Admin

@Suite("Bad input over HTTP", .tags(.ownServer))
struct AdminInputTests {
    /// A request and what it gets.
    struct Case: Sendable, CustomTestStringConvertible {
        var method: HTTPRequest.Method
        var path: String
        var body: String?
        var status: Int
        var message: String

        init(_ method: HTTPRequest.Method, _ path: String, _ status: Int, _ message: String) {
            self.init(method, path, nil, status, message)
        }

        init(_ method: HTTPRequest.Method, _ path: String, _ body: String?, _ status: Int, _ message: String) {
            (self.method, self.path, self.body, self.status, self.message) = (method, path, body, status, message)
        }

        var testDescription: String { "\(method) \(path) \(body?.prefix(40) ?? "")" }
    }

    private static let runs = "/api/v1/cleanups/stuck-jobs/runs"

    static let cases = [
        Case(.get, "/nothing", 404, "there is nothing at /nothing"),
        Case(.get, "/api/v1/cleanups/stuck-job", 404, "there is no cleanup “stuck-job”: expected one of stuck-jobs"),
        Case(.post, "/api/v1/cleanups/%3Cscript%3E/runs", 404, "there is no cleanup “<script>”"),
        Case(.post, "/api/v1/cleanups/none/pause", "{\"why\": \"x\"}", 404, "there is no cleanup “none”"),
        Case(.delete, runs, 405, "\(runs) does not support DELETE: expected POST"),
        Case(.get, runs, 405, "\(runs) does not support GET"),
        Case(.post, "/healthz", 405, "/healthz does not support POST: expected GET, HEAD"),
        Case(.post, runs, "{", 400, "the body is invalid: expected a JSON object"),
        Case(.post, runs, "[]", 400, "the body is invalid: expected a JSON object"),
        Case(.post, runs, String(repeating: "[", count: 60_000), 400, "the body is invalid"),
        Case(.post, runs, "{\"dryRun\": 1}", 400, "dryRun: expected true or false, found 1"),
        Case(.post, runs, "{\"dryRun\": \"true\"}", 400, "dryRun: expected true or false, found a text"),
        Case(.post, runs, "{\"dryrun\": true}", 400, "dryrun: unknown field (expected one of dryRun, limit"),
        Case(.post, runs, "{\"limit\": 0}", 400, "limit: expected a whole number from 1 to"),
        Case(.post, runs, "{\"limit\": 1e99}", 400, "limit: expected a whole number from 1 to"),
        Case(.post, runs, "{\"limit\": true}", 400, "limit: expected a whole number from 1 to"),
        Case(.post, runs, "{\"timeoutMs\": -1}", 400, "timeoutMs: expected a whole number from 1 to"),
        Case(.post, runs, "{\"limit\": {}}", 400, "limit: expected a whole number"),
        Case(.post, runs, "{\"dryRun\":false,\"dryRun\":true}", 400, "dryRun: duplicate field"),
        Case(.post, runs, "{\"limit\": 1, \"l\\u0069mit\" : 2}", 400, "limit: duplicate field"),
        Case(.post, runs, "{\"dryRun\": null}", 400, "dryRun: expected true or false, found null"),
        Case(.post, runs, "{\"limit\": null}", 400, "limit: expected a whole number from 1 to"),
        Case(.post, "/api/v1/cleanups/stuck-jobs/pause", "{\"why\": null}", 400, "why: expected a text"),
        Case(.post, runs, "{\"dryRun\": \"\(String(repeating: "x", count: 65 << 10))\"}", 413, "the body is too long"),
        Case(.post, "/api/v1/cleanups/stuck-jobs/pause", "{}", 400, "why: missing"),
        Case(.post, "/api/v1/cleanups/stuck-jobs/pause", "{\"why\": \" \"}", 400, "why: missing"),
        Case(.post, "/api/v1/cleanups/stuck-jobs/pause", "{\"why\": 3}", 400, "why: expected a text"),
        Case(.post, "/api/jobs/run", "{}", 400, "job_type: missing"),
        Case(.get, "/api/v1/runs?limit=0", 400, "limit: expected a whole number from 1 to 100, found “0”"),
        Case(.get, "/api/v1/runs?limit=101", 400, "limit: expected a whole number from 1 to 100"),
        Case(.get, "/api/v1/runs?limit=x", 400, "limit: expected"),
        Case(.get, "/api/v1/runs?cursor=x", 400, "cursor: expected the “next” value of an earlier page"),
        Case(.get, "/api/v1/runs?cursor=99999999999999999999-0", 400, "cursor: expected"),
        Case(.get, "/api/v1/runs?page=2", 400, "page: unknown parameter (expected one of limit, cursor, cleanup)"),
        Case(.get, "/api/v1/cleanups/stuck-jobs/preview?at=soon", 400, "at: expected a duration like 10m or 2h"),
    ]

    @Test("bad input gets an error that says what was expected", arguments: cases)
    func input(_ input: Case) async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let answer = try await client.ask(input.method, input.path, input.body)
                #expect(answer.status == input.status, "\(answer.text)")
                #expect(try answer.message.hasPrefix(input.message), "\(answer.text)")
                #expect(try answer.json["success"] as? Bool == false)
                #expect(answer.headers[.contentType] == "application/json; charset=utf-8")
                #expect(answer.headers[.xContentTypeOptions] == "nosniff")
            }
        }
    }

    @Test("a method that nobody knows is refused, with those that there are")
    func strangeMethod() async throws {
        let method = try #require(HTTPRequest.Method("QUERY"))
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                let answer = try await client.ask(method, "/healthz")
                #expect(answer.status == 405 && answer.headers[.allow] == "GET, HEAD, POST")
                #expect(try answer.message == "the method QUERY is not supported: expected GET, HEAD or POST")
            }
        }
    }

    @Test("a cursor before everything is the end of the list, not a mistake")
    func firstCursor() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                for list in ["runs?cursor=0-0", "events?cursor=00-000", "alerts?cursor=0-0"] {
                    let answer = try await client.ask(.get, "/api/v1/\(list)")
                    #expect(answer.status == 200, "\(answer.text)")
                    #expect(try (answer.json["items"] as? [Any])?.isEmpty == true)
                }
            }
        }
    }

    @Test("a body over 64 KB is refused over a socket too, and the next request is answered")
    func bodyLimit() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.ahc()) { client in
                let body = "{\"dryRun\": \"" + String(repeating: "x", count: 1 << 20) + "\"}"
                let answer = try await client.ask(.post, Self.runs, body)
                #expect(answer.status == 413)
                #expect(try await client.ask(.get, "/healthz").status == 200)
            }
        }
    }
}

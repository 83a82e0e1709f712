import Foundation
import HTTPTypes
import HummingbirdTesting
import RedisClient
import TestNeeds
import Testing

@testable import Admin

@Suite("Dashboard: pages", .tags(.ownServer))
struct DashboardPageTests {
    /// Does what a button of a page does, and gives back what the next page tells.
    func press(
        _ client: some TestClientProtocol, _ action: String, _ fields: [String: String] = [:], page: String
    ) async throws -> String {
        let token = try DashboardSignInTests.formToken(in: try await client.ask(.get, page).text)
        var fields = fields
        fields["form_token"] = fields["form_token"] ?? token
        let body = DashboardSignInTests.form(fields)
        let answer = try await client.ask(.post, action, body, headers: DashboardSignInTests.headers)
        guard answer.status == 303 else { return "\(answer.status)" }
        let set = try #require(answer.headers[.setCookie])
        let cookie = String(set.prefix { $0 != ";" })
        let next = try #require(answer.headers[.location])
        let told = try await client.ask(.get, next, headers: [.cookie: cookie])
        #expect(told.headers[.setCookie]?.hasPrefix("curfew_notice=;") == true)
        let match = try #require(told.text.firstMatch(of: /<p class="notice [a-z]+">([^<]*)<\/p>/), "\(action)")
        return String(match.1)
    }

    @Test("preview, run, changes, undo, pause, resume, cancel, all by forms")
    func steering() async throws {
        try await withAdmin { scene in
            try await scene.stick("j1")
            try await scene.application().test(.router) { client in
                let preview = try await client.ask(.get, "/cleanups/stuck-jobs/preview")
                #expect(preview.text.contains("Would clean up 1 of 1 stuck-jobs"))
                #expect(preview.text.contains("stuck in RUNNING for 10m"))
                let page = "/cleanups/stuck-jobs"
                let dry = try await press(client, page + "/run", ["dryRun": "1"], page: page)
                #expect(dry.hasPrefix("Would clean up 1 of 1"))
                #expect(try await scene.send("HGET", "job:j1", "status").string == "RUNNING")
                let run = try await press(client, page + "/run", ["limit": "5"], page: page)
                #expect(run == "Cleaned up 1 of 1 stuck-jobs and refunded 9 tokens")
                #expect(try await scene.send("HGET", "job:j1", "status").string == "FAILED")
                let shown = try await client.ask(.get, "/runs/stuck-jobs-2").text
                #expect(shown.contains("<del><bdi>RUNNING</bdi></del> → <ins><bdi>FAILED</bdi></ins>"))
                #expect(try await press(client, "/runs/stuck-jobs-2/undo", page: page).hasPrefix("Put back 1 of 1"))
                #expect(try await scene.send("HGET", "job:j1", "status").string == "RUNNING")
                let why = "<i>because</i>"
                #expect(
                    try await press(client, page + "/pause", ["why": why], page: page)
                        == "stuck-jobs is paused on every instance.")
                #expect(try await client.ask(.get, page).text.contains("&lt;i&gt;because&lt;/i&gt;"))
                #expect(try await press(client, page + "/run", page: page) == "409")
                #expect(
                    try await press(client, page + "/resume", page: page).hasPrefix(
                        "stuck-jobs is resumed and runs at 20"))
                #expect(try await press(client, page + "/cancel", page: page) == "stuck-jobs is not running.")
                #expect(try await scene.deeds().contains("pause by admin@local: \(why)"))
            }
        }
    }

    @Test("the page of a cleanup shows what its file says of look-alikes, replicas and the trash")
    func settings() async throws {
        let cleanups = """
            min-replicas: 2
            cleanups:
              old: {policy: retention, every: 1h, records: "job:<id>", index: old, states: [DONE], since: [at], keep: 1d,
                trash: off, only: {id: ["[0-9]+", "x-[a-z]+"]}, except: {id: "7"}}
            """
        try await withAdmin(cleanups: cleanups) { scene in
            try await scene.application().test(.router) { client in
                let page = try await client.ask(.get, "/cleanups/old").text
                for (key, value) in [("trash", "off"), ("only.id", "x-[a-z]+"), ("except.id", "7")] {
                    let row = try #require(page.components(separatedBy: "\(key)<").dropFirst().first, "\(key)")
                    #expect(row.prefix(200).contains(value), "\(key): \(row.prefix(200))")
                }
                #expect(!page.contains("name=\"noTrash\""))
            }
        }
    }

    @Test("what can't be done is said on a page, with its status")
    func refusals() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                for (path, status) in [
                    ("/cleanups/none", 404), ("/runs/none-1", 404), ("/cleanups/none/preview", 404),
                    ("/cleanups/stuck-jobs/runs?before=x", 400), ("/live?page=<b>", 400),
                ] {
                    let answer = try await client.ask(.get, path)
                    #expect(answer.status == status, "\(path)")
                    #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
                    #expect(answer.text.contains("data-message") && !answer.text.contains("<b>"))
                }
                let page = "/cleanups/stuck-jobs"
                #expect(try await press(client, page + "/pause", ["why": " "], page: page) == "400")
                #expect(try await press(client, page + "/run", ["limit": "-1"], page: page) == "400")
                #expect(
                    try await press(client, page + "/pause", ["why": String(repeating: "x", count: 70_000)], page: page)
                        == "413")
                let json = try await client.ask(.post, page + "/run", "{}", headers: [.contentType: "application/json"])
                #expect(json.status == 415)
            }
        }
    }

    @Test("pages are headed, described and allowed nothing that isn't theirs")
    func structure() async throws {
        try await withAdmin { scene in
            try await scene.stick("j1")
            try await scene.application().test(.router) { client in
                for path in ["/", "/cleanups/stuck-jobs", "/cleanups/stuck-jobs/preview", "/cleanups/old-jobs/stats"] {
                    let page = try await client.ask(.get, path)
                    #expect(page.status == 200)
                    let policy = try #require(page.headers[.contentSecurityPolicy])
                    #expect(
                        policy == "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
                            + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
                    #expect(page.headers[.cacheControl] == "no-store")
                    let text = page.text
                    for part in [
                        "<html lang=\"en\">", "<main id=\"main\"", "<header>", "<nav aria-label", "<footer>",
                        "aria-live",
                    ] {
                        #expect(text.contains(part), "\(path): \(part)")
                    }
                    #expect(text.ranges(of: "<h1>").count == 1)
                    #expect(text.ranges(of: "<table>").count == text.ranges(of: "<caption").count)
                    #expect(text.ranges(of: "<table>").count == text.ranges(of: "</table>").count)
                    // The policy would keep browsers from following either.
                    #expect(!text.contains(" style=") && !text.contains("<style") && !text.contains(" onclick"))
                    #expect(text.ranges(of: "<script").count == 1)
                }
            }
        }
    }

    @Test("files beside the pages are kept by browsers until they change")
    func assets() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.router) { client in
                for asset in Asset.all {
                    let first = try await client.ask(.get, asset.address, token: nil)
                    #expect(first.status == 200 && first.headers[.contentType] == asset.type && !first.text.isEmpty)
                    #expect(first.headers[.cacheControl]?.contains("immutable") == true)
                    let tag = try #require(first.headers[.eTag])
                    let again = try await client.ask(.get, asset.address, token: nil, headers: [.ifNoneMatch: tag])
                    #expect(again.status == 304 && again.text.isEmpty)
                    let other = try await client.ask(.get, "/assets/\(asset.name)?v=0", token: nil)
                    #expect(other.status == 200 && other.headers[.cacheControl] == "no-cache")
                }
            }
        }
    }
}

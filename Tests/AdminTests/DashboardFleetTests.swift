import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin
@testable import Curfew

/// A thousand cleanups and a thousand instances.
@Suite("Dashboard: a fleet", .tags(.ownServer), .timeLimit(.minutes(5)))
struct DashboardFleetTests {
    @Test("the first page stays below 150 KB, and what needs attention is on it, wherever it stands in the file")
    func firstPage() async throws {
        try await withFleet { fleet in
            try await fleet.scene.application().test(.router) { client in
                let page = try await client.ask(.get, "/").text
                #expect(page.utf8.count < 150_000)
                for sign in [
                    "\(FleetScene.overdue) is overdue", "The last run of \(FleetScene.failing) failed",
                    "many is firing for \(FleetScene.alerting)",
                ] { #expect(page.contains(sign), "\(sign)") }
                for name in [FleetScene.overdue, FleetScene.failing, FleetScene.alerting, FleetScene.running] {
                    #expect(page.contains("data-row=\"\(name)\""), "\(name)")
                }
                #expect(page.contains("data-row=\"\(FleetScene.gone)\""))
                #expect(page.contains("All 1\u{202F}000 cleanups") && page.contains("All 1\u{202F}000 instances"))
                #expect(page.contains(">999</a>"))
            }
        }
    }

    @Test("with a trouble that everybody has, the first page still shows the others, and where the rest is")
    func everybody() async throws {
        try await withFleet(instances: 0) { fleet in
            let keys = fleet.scene.engine.keys
            for name in fleet.names { try await fleet.scene.send("ZADD", keys.schedule, "1", name) }
            try await fleet.scene.application().test(.router) { client in
                let page = try await client.ask(.get, "/").text
                #expect(page.utf8.count < 150_000)
                #expect(page.contains("many is firing for \(FleetScene.alerting)"))
                #expect(page.contains("No instance is alive"))
                let link = try #require(page.firstMatch(of: /href="\/attention">And ([0-9]+) more/))
                #expect(Int(link.1).map { $0 > 800 } == true)
                let rest = try await client.ask(.get, "/attention?page=2")
                #expect(rest.text.contains("\(FleetScene.name(150)) is overdue") && rest.text.utf8.count < 150_000)
            }
        }
    }

    @Test("the lists are paged and filtered by links and forms")
    func lists() async throws {
        try await withFleet { fleet in
            try await fleet.scene.application().test(.router) { client in
                func rows(_ path: String) async throws -> [String] {
                    let answer = try await client.ask(.get, path, token: AdminScene.viewer)
                    #expect(answer.status == 200 && answer.text.utf8.count < 150_000, "\(path)")
                    return answer.text.matches(of: /<tr data-row="([^"]*)"/).map { String($0.1) }
                }
                let first = try await rows("/cleanups")
                #expect(first.prefix(2) == [FleetScene.overdue, FleetScene.failing] && first.count == 100)
                let all = try await (1...10).asyncFlatMap { try await rows("/cleanups?page=\($0)") }
                #expect(Set(all) == Set(fleet.names) && all.count == 1_000)
                #expect(try await rows("/cleanups?state=failing") == [FleetScene.failing])
                #expect(try await rows("/cleanups?name=CLEANUP-077").count == 10)
                #expect(try await rows("/cleanups?name=nothing") == [])
                #expect(try await rows("/instances").first == FleetScene.gone)
                #expect(try await rows("/instances?state=gone") == [FleetScene.gone])
                #expect(try await rows("/instances?version=1.0.0&page=10").count == 99)
                #expect(try await rows("/instances?name=web-012").count == 10)
                let page = try await client.ask(.get, "/cleanups?name=cleanup&page=2").text
                #expect(page.contains("href=\"/cleanups?name=cleanup&amp;page=3\" rel=\"next\""))
                for path in ["/cleanups?state=nice", "/cleanups?page=0", "/instances?size=9"] {
                    #expect(try await client.ask(.get, path).status == 400, "\(path)")
                }
            }
        }
    }

    @Test("a page about one cleanup reads that cleanup, and none of the others")
    func oneCleanup() async throws {
        try await withFleet(instances: 0) { fleet in
            try await fleet.scene.application().test(.router) { client in
                for path in ["/cleanups/cleanup-0500", "/api/v1/cleanups/cleanup-0500", "/charts?cleanup=cleanup-0500"]
                {
                    // The first one also reads the history.
                    _ = try await client.ask(.get, path)
                    let before = try await fleet.commands()
                    #expect(try await client.ask(.get, path).status == 200)
                    #expect(try await fleet.commands() - before < 40, "\(path)")
                }
                #expect(try await client.ask(.get, "/cleanups/cleanup-1000").status == 404)
            }
        }
    }

    @Test("the API has every cleanup and instance, each with its state")
    func api() async throws {
        try await withFleet { fleet in
            try await fleet.scene.application().test(.router) { client in
                let answer = try await client.ask(.get, "/api/v1/cleanups")
                let status = try JSONDecoder().decode(Status.self, from: Data(answer.text.utf8))
                #expect(status.cleanups.map(\.name) == fleet.names)
                #expect(status.cleanups.count { $0.state == "waiting" } == 998)
                #expect(status.instances.count == 1_000 && status.instances.count(where: \.isAlive) == 999)
                #expect(status.cleanups.allSatisfy { $0.knownBy?.count == 50 && $0.knownByMore == 949 })
                #expect(answer.text.utf8.count < 3_000_000)
            }
        }
    }

    @Test("/metrics stays below 2 MB; what has no series of its own is in the sums")
    func metrics() async throws {
        try await withFleet(cleanups: 1_500) { fleet in
            try await fleet.scene.application().test(.router) { client in
                let text = try await client.ask(.get, "/metrics").text
                #expect(text.utf8.count < 2_000_000)
                func sum(_ name: String) -> Double {
                    text.split(separator: "\n").filter { $0.hasPrefix(name + "{") }
                        .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
                }
                for name in ["curfew_runs_total", "curfew_run_duration_seconds_count", "curfew_leases_total"] {
                    #expect(sum(name) == 1_500, "\(name)")
                }
                #expect(sum("curfew_records_changed_total") == 3_000)
                #expect(text.contains("curfew_runs_total{cleanup=\"other\""))
                #expect(text.contains("curfew_cleanup_state{cleanup=\"\(FleetScene.overdue)\""))
                let without = try #require(text.firstMatch(of: /\ncurfew_cleanups_without_series ([0-9]+)\n/))
                #expect(without.1 != "0")
                #expect(text.contains("\ncurfew_instances 999\n"))
            }
        }
    }

    @Test("an open page is sent nothing that it shows already, and then the rows that change")
    func live() async throws {
        try await withFleet { fleet in
            let scene = fleet.scene
            let dashboard = Dashboard(
                service: AdminService(source: scene.source), access: Access(source: scene.source),
                interval: .seconds(3_600))
            let fragments = OverviewFragments.all(try await dashboard.reader.read())
            let link = try #require(URLComponents(string: Link.live(.overview, showing: fragments)))
            let seen = link.queryItems?.first { $0.name == "seen" }?.value
            let page = try #require(dashboard.feed.watch(.overview, at: seen) {})
            func read() async throws {
                dashboard.reader.forget()
                #expect(await dashboard.feed.runOnce())
            }
            for _ in 0..<3 { try await read() }
            let keys = scene.engine.keys
            try await scene.send("HSET", keys.lease(FleetScene.running), "progress", "41")
            try await read()
            dashboard.feed.stop()
            var messages: [String] = []
            for await message in page.messages { messages.append(String(buffer: message)) }
            #expect(messages.count == 1)
            let message = try #require(messages.first)
            #expect(message.contains("event: rows\n") && !message.contains("event: parts\n"))
            #expect(message.contains("41%") && message.utf8.count < 2_000)
        }
    }
}

extension Sequence {
    fileprivate func asyncFlatMap<Value>(_ transform: (Element) async throws -> [Value]) async throws -> [Value] {
        var all: [Value] = []
        for element in self { all += try await transform(element) }
        return all
    }
}

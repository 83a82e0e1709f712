import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import Policies
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("Pings after runs over HTTP", .tags(.ownServer), .timeLimit(.minutes(5)))
struct AdminPingTests {
    private static func cleanups(_ url: String) -> String {
        AdminScene.cleanups.replacing("to: FAILED, refund", with: "to: FAILED, ping: \"\(url)\", refund")
    }

    @Test("a run is answered before its ping address is, and reported after it")
    func answersFirst() async throws {
        // The first try gets no answer for five seconds, the second one does.
        try await HTTPReceiver.withReceiver { number, _ in
            number == 1 ? .silence : .status(200)
        } _: { receiver in
            try await withAdmin(cleanups: Self.cleanups(receiver.url)) { scene in
                try await scene.application().test(.live) { client in
                    let watch = Stopwatch()
                    #expect(try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").status == 200)
                    #expect(try await client.ask(.post, "/api/admin/jobs/cleanup", "{}").status == 200)
                    #expect(watch.elapsed < .seconds(4))
                    try await eventually("both runs are reported") { receiver.requests.count == 3 }
                }
            }
        }
    }

    @Test("an address where nobody is doesn't hold up a shutdown for long")
    func shutdown() async throws {
        try await HTTPReceiver.withReceiver(answer: { _, _ in .silence }) { receiver in
            try await withAdmin(cleanups: Self.cleanups(receiver.url)) { scene in
                let watch = Stopwatch()
                try await scene.application().test(.live) { client in
                    for _ in 1...3 {
                        #expect(try await client.ask(.post, "/api/v1/cleanups/stuck-jobs/runs").status == 200)
                    }
                    try await eventually("the pings") { receiver.requests.count == 3 }
                }
                // One try lasts five seconds.
                #expect(watch.elapsed < .seconds(12))
                #expect(receiver.requests.count == 3)
            }
        }
    }

    @Test("there is a limit to pings that wait, and cleanups without an address have none")
    func limit() async throws {
        try await withAdmin(cleanups: Self.cleanups("http://127.0.0.1:1/")) { scene in
            let pings = Pings()
            let result = try await AdminService(source: scene.source).run("stuck-jobs", by: "ada")
            let pinged = try #require(scene.engine.configuration.cleanup(named: "stuck-jobs"))
            let other = try #require(scene.engine.configuration.cleanup(named: "old-jobs"))
            for _ in 0..<Pings.most + 5 { pings.add(other, result, scene.engine.logger) }
            #expect(pings.waiting == 0)
            for _ in 0..<Pings.most + 5 { pings.add(pinged, result, scene.engine.logger) }
            #expect(pings.waiting == Pings.most)
        }
    }
}

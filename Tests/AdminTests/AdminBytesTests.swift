import Curfew
import Foundation
import HTTPTypes
import HummingbirdTesting
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Admin

/// What leaves over HTTP is UTF-8 whatever is in Redis, and hides nothing that could mislead.
@Suite("Admin: bytes", .tags(.ownServer))
struct AdminBytesTests {
    @Test(
        "ids of any bytes show as text in pages and in JSON, and characters that turn the direction don't get through")
    func ids() async throws {
        try await withAdmin { scene in
            let since = String(try await scene.engine.serverClock().now.milliseconds - 600_000)
            for id in ["caf\u{E9}", "cafe\u{301}", ByteText.held([0x62, 0xE9]), "turn\u{202E}ed"] {
                try await scene.send("HSET", "job:\(id)", "status", "RUNNING", "at", since, "cost", "1", "user", "u")
                try await scene.send("ZADD", "jobs", "1", id)
            }
            try await scene.application().test(.router) { client in
                for path in ["/cleanups/stuck-jobs/preview", "/api/v1/cleanups/stuck-jobs/preview"] {
                    let page = try await client.ask(.get, path)
                    #expect(page.status == 200)
                    #expect(page.text.utf8.count(where: { $0 == 0xF4 }) == 0)
                    let scalars = String(page.text.unicodeScalars)
                    #expect(scalars.contains("caf\u{E9}") && scalars.contains("b\u{FFFD}"), "\(path)")
                }
                let page = try await client.ask(.get, "/cleanups/stuck-jobs/preview")
                #expect(!page.text.unicodeScalars.contains("\u{202E}") && page.text.contains("turn\u{FFFD}ed"))
            }
        }
    }

    @Test(
        "queries and forms are text by their bytes",
        arguments: [
            ("id=caf%C3%A9", Array("caf\u{E9}".utf8)), ("id=%E9", [0xE9]), ("id=a+b%2", Array("a+b%2".utf8)),
            ("id=e%CC%81&x=1", Array("e\u{301}".utf8)),
        ] as [(String, [UInt8])])
    func query(query: String, bytes: [UInt8]) {
        #expect(PercentText.pairs(query).first.map { ByteText.bytes(of: $0.value) } == bytes)
        #expect(PercentText.pairs("a=b+c", isForm: true).first?.value == "b c")
    }
}

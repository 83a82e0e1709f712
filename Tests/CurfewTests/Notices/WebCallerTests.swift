import Logging
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("What is said of an address that doesn't answer", .tags(.ownServer))
struct WebCallerTests {
    private func call(
        _ address: String, headers: [(String, String)] = [], timeout: Duration = .seconds(10)
    ) async throws -> WebCaller.Outcome {
        let address = try #require(WebAddress(address))
        return await WebCaller.withCaller(connect: .seconds(1), logger: Logger(label: "test")) { caller in
            await caller.post("{}", headers: headers, to: address, timeout: timeout)
        }
    }

    @Test("a server without TLS is called that, not by the place in a library where it was noticed")
    func noTLS() async throws {
        try await HTTPReceiver.withReceiver { receiver in
            let outcome = try await call("https://127.0.0.1:\(receiver.port)/")
            #expect(outcome == .failed("TLS: the server does not speak TLS at this port"))
        }
    }

    @Test("a refused connection is called that")
    func refused() async throws {
        #expect(try await call("http://127.0.0.1:\(freePort())/") == .failed("connection refused"))
    }

    @Test("a server that takes the connection and no handshake is given up in time, also at the end")
    func silent() async throws {
        try await SilentServer.withServer { server in
            let watch = Stopwatch()
            guard case .failed = try await call("https://127.0.0.1:\(server.port)/", timeout: .seconds(1)) else {
                Issue.record("expected a failure")
                return
            }
            #expect(watch.elapsed < .seconds(4), "\(watch.elapsed)")
        }
    }

    @Test("a header of the file takes the place of one that is there anyway")
    func headers() async throws {
        try await HTTPReceiver.withReceiver { receiver in
            let headers = [("User-Agent", "mine"), ("x-a", "1"), ("X-A", "2")]
            #expect(try await call("http://127.0.0.1:\(receiver.port)/", headers: headers) == .accepted)
            let request = try #require(receiver.requests.first)
            #expect(request.headers["user-agent"] == "mine" && request.headers["x-a"] == "2")
        }
    }
}

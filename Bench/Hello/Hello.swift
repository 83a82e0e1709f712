internal import Hummingbird
internal import Logging
internal import NIOCore

/// A bare Hummingbird server on a free loopback port: what Bench/health compares `curfew serve` with.
@main
struct Hello {
    static func main() async throws {
        let logger = Logger(label: "hello")
        let router = Router()
        router.get("/healthz") { _, _ in "hello" }
        let server = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                logger.info("listening", metadata: ["port": "\(channel.localAddress?.port ?? 0)"])
            }
        )
        try await server.runService()
    }
}

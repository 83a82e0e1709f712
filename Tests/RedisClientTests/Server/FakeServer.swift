import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import RedisClient

/// A server that says what a test wants, for what a real one can't be brought to say.
struct FakeServer {
    /// What it does about what came: answers, or hangs up with `nil`.
    typealias Answer = @Sendable (_ connection: Int, _ text: String) -> String?

    let configuration: RedisConfiguration

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let number: Int
        let answer: Answer

        init(_ number: Int, _ answer: @escaping Answer) {
            self.number = number
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let text = answer(number, String(buffer: unwrapInboundIn(data))) else {
                return context.close(promise: nil)
            }
            context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
        }
    }

    /// Runs a body with such a server.
    ///
    /// Connections are numbered from 1.
    static func withServer<Result>(
        answer: @escaping Answer,
        _ body: (FakeServer) async throws -> Result
    ) async throws -> Result {
        let connections = NIOLockedValueBox(0)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let number = connections.withLockedValue { count in
                        count += 1
                        return count
                    }
                    try channel.pipeline.syncOperations.addHandler(Handler(number, answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        let server = FakeServer(configuration: RedisConfiguration(address: .host("127.0.0.1", port: port)))
        do {
            let result = try await body(server)
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }

    /// The answer to the handshake, or to anything else.
    static func signIn(_ text: String, otherwise: String?) -> String? {
        text.contains("SETNAME") ? "+OK\r\n+PONG\r\n" : otherwise
    }
}

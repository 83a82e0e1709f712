import NIOCore
import NIOPosix

/// A request as bytes, for what no client would send.
enum RawRequest {
    /// Sends bytes on a connection of their own and answers what came back until the server closed it.
    static func answer(to text: String, port: Int) async throws -> String {
        var answer = ""
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(string: text))
                for try await buffer in inbound { answer += String(buffer: buffer) }
            }
        } catch is ChannelError {
            // The server was quicker to close it.
        } catch is IOError {
            // The server closed it with bytes unread.
        }
        return answer
    }
}

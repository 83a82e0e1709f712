internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A real TCP proxy on 127.0.0.1 that stands in front of a server, and can be a bad network.
package final class TCPProxy: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var losesAnswers = false
        var awaited: String?
        var target: Int
    }

    /// The port it listens on.
    package let port: Int
    private let listener: any Channel
    private let state: SharedState

    /// The state, which the handlers of connections see before there is a proxy.
    private final class SharedState: Sendable {
        let mutex: Mutex<State>

        init(target: Int) {
            mutex = Mutex(State(target: target))
        }
    }

    private init(_ listener: any Channel, state: SharedState) {
        self.listener = listener
        self.state = state
        port = listener.localAddress?.port ?? 0
    }

    deinit {
        listener.close(promise: nil)
        for channel in state.mutex.withLock({ $0.channels }).values { channel.close(promise: nil) }
    }

    /// Starts one in front of a port of 127.0.0.1.
    package static func start(to target: Int) async throws -> TCPProxy {
        let state = SharedState(target: target)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in connect(client, state) }
            .bind(host: "127.0.0.1", port: 0).get()
        return TCPProxy(listener, state: state)
    }

    /// Cuts every connection; new ones are made as before.
    package func cut() {
        let channels = state.mutex.withLock { state in
            state.losesAnswers = false
            return Array(state.channels.values)
        }
        for channel in channels { channel.close(promise: nil) }
    }

    /// Stands in front of another port from now on, as a name does that is moved: connections stay where they are.
    package func turn(to target: Int) { state.mutex.withLock { $0.target = target } }

    /// Swallows whatever the server says, on old and new connections, until ``cut()``.
    package func loseAnswers() { state.mutex.withLock { $0.losesAnswers = true } }

    /// Looks out for a request that contains this text.
    package func lookOut(for text: String) { state.mutex.withLock { $0.awaited = text } }

    /// Whether what was looked out for has passed.
    package var hasSeenIt: Bool { state.mutex.withLock { $0.awaited == nil } }

    private static func connect(
        _ client: any Channel, _ state: SharedState
    ) -> EventLoopFuture<Void> {
        ClientBootstrap(group: client.eventLoop).channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: state.mutex.withLock { $0.target })
            .flatMap { server in
                state.mutex.withLock { state in
                    for channel in [client, server] { state.channels[ObjectIdentifier(channel)] = channel }
                }
                // Told by the future, which a channel that closes before its handler is there tells too.
                for (channel, peer) in [(client, server), (server, client)] {
                    channel.closeFuture.whenComplete { _ in
                        state.mutex.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
                        peer.close(promise: nil)
                    }
                }
                return client.pipeline.addHandler(
                    Relay(to: server) { bytes in
                        state.mutex.withLock { state in
                            if let text = state.awaited, bytes.contains(text) { state.awaited = nil }
                        }
                        return true
                    }
                )
                .and(server.pipeline.addHandler(Relay(to: client) { _ in state.mutex.withLock { !$0.losesAnswers } }))
                .flatMap { _ in server.setOption(.autoRead, value: true) }
                .flatMap { client.setOption(.autoRead, value: true) }
            }
    }

    /// Passes on what it reads.
    private final class Relay: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        private let peer: any Channel
        private let passes: @Sendable (ByteBuffer) -> Bool

        init(to peer: any Channel, passes: @escaping @Sendable (ByteBuffer) -> Bool) {
            self.peer = peer
            self.passes = passes
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            if passes(buffer) { peer.writeAndFlush(buffer, promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

extension ByteBuffer {
    fileprivate func contains(_ text: String) -> Bool {
        String(buffer: self).contains(text)
    }
}

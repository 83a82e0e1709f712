internal import NIOCore

/// The receiver of a connection's events, on its event loop.
protocol RedisConnectionDelegate: AnyObject {
    /// The connection is authenticated.
    func connectionOpened()
    /// Replies arrived: those of the tape from a position on.
    func connectionReceived(_ tape: RedisTape, from start: Int)
    /// The connection ended or could not be made. Reported once, and last.
    func connectionEnded(_ error: RedisError)
    /// The limits of the next reply, and whether none of it has arrived.
    var nextReply: (size: ReplySize, isNew: Bool) { get }
}

extension RedisConnectionDelegate {
    var nextReply: (size: ReplySize, isNew: Bool) { (.usual, true) }
}

/// One connection to a server, as a channel handler: authenticates, decodes replies, and reports its end once.
///
/// It is created before the channel, so that nothing the server says first is lost.
final class RedisConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// How many bytes are decoded before their replies are passed on and the limits of the next reply are read.
    private static let pieceSize = 1024

    private enum State {
        /// Nothing was sent yet. Becomes `signingIn` or `ended`.
        case idle
        /// The handshake is running; fails when the timer fires first. Becomes `open` or `ended`.
        case signingIn(RedisHandshake, ChannelHandlerContext, timer: Scheduled<Void>)
        /// Replies go to the delegate. Becomes `ended`.
        case open(ChannelHandlerContext)
        /// Reported. Everything that arrives is dropped.
        case ended
    }

    private var state = State.idle
    private var configuration: RedisConfiguration
    private let reader: RESPReader
    private weak var delegate: (any RedisConnectionDelegate)?
    /// The cause of the end: the channel itself only reports that it ended.
    private var failure: RedisError?

    /// Creates the handler of one channel.
    init(_ configuration: RedisConfiguration, delegate: any RedisConnectionDelegate) {
        self.configuration = configuration
        self.delegate = delegate
        reader = RESPReader(
            byteLimit: configuration.replyBytesLimit,
            elementLimit: configuration.replyElementsLimit
        )
    }

    /// The server.
    var address: RedisConfiguration.Address { configuration.address }

    /// Whether the end was reported or requested.
    var isEnded: Bool {
        if case .ended = state { true } else { false }
    }

    /// The address of the server; nil if it wasn't reached.
    var remoteAddress: SocketAddress? {
        switch state {
        case .idle, .ended: nil
        case .signingIn(_, let context, _), .open(let context): context.channel.remoteAddress
        }
    }

    /// Sets the server, if it wasn't known from the start; before the channel is opened.
    func aim(at address: RedisConfiguration.Address) {
        configuration.address = address
    }

    /// Writes complete commands.
    ///
    /// They are dropped after the end.
    func write(_ bytes: ByteBuffer) {
        guard case .open(let context) = state else { return }
        context.writeAndFlush(NIOAny(bytes), promise: nil)
    }

    /// The message for a server that accepts the connection but is silent for so long; nil if it is authenticated or
    /// not connected yet.
    func silence(for time: Duration) -> String? {
        guard case .signingIn(_, let context, _) = state else { return nil }
        let isSecure = RedisConnector.certificate(of: context.channel) != nil
        return SigningInFailure.silence(configuration, isSecure: isSecure, for: time)
    }

    /// Ends the connection and reports it.
    func end(_ error: RedisError) {
        let delegate = delegate
        guard close() else { return }
        delegate?.connectionEnded(error)
    }

    /// Ends the connection without a report; returns whether there was anything to end.
    @discardableResult
    func close() -> Bool {
        let context: ChannelHandlerContext?
        switch state {
        case .ended: return false
        case .idle: context = nil
        case .signingIn(_, let current, let timer):
            timer.cancel()
            context = current
        case .open(let current): context = current
        }
        state = .ended
        context?.close(promise: nil)
        return true
    }

    private func error(_ code: RedisError.Code, _ message: String, _ underlying: (any Error)? = nil) -> RedisError {
        RedisError(code, message, address: configuration.address.description, underlying: underlying)
    }
}

// MARK: - The channel's events

extension RedisConnectionHandler {
    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { signIn(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        signIn(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if case .signingIn = state, SigningInFailure.isAlert(bytes) {
            return end(error(.unreachable, SigningInFailure.wantsTLS))
        }
        let answer = bytes
        // In parts: requests that wait for the first reply are sent before the last one is decoded.
        limitReply()
        while let piece = bytes.readSlice(length: min(bytes.readableBytes, Self.pieceSize)), piece.readableBytes > 0 {
            let output = reader.read(piece)
            if let tape = output.tape {
                received(tape)
                limitReply()
            }
            if let failure = output.failure {
                if case .signingIn = state { return end(error(.protocolViolation, SigningInFailure.notRedis(answer))) }
                return end(error(.protocolViolation, "the server's reply cannot be read: \(failure)"))
            }
        }
    }

    private func limitReply() {
        guard let next = delegate?.nextReply else { return }
        reader.limit(to: next.size, isNew: next.isNew)
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch state {
        case .signingIn:
            end(error(.unreachable, SigningInFailure.end(configuration, after: failure), failure?.underlying))
        case .idle, .open:
            end(failure ?? error(.connectionClosed, "the server closed the connection"))
        case .ended:
            break
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error caught: any Error) {
        let certificate = RedisConnector.certificate(of: context.channel)
        let reason = RedisConnector.describe(caught, configuration, certificate: certificate)
        failure = failure ?? error(.connectionClosed, reason, caught)
        context.close(promise: nil)
    }

    private func signIn(_ context: ChannelHandlerContext) {
        switch state {
        case .idle: break
        case .ended: return context.close(promise: nil)
        case .signingIn, .open: return
        }
        let handshake = RedisHandshake(configuration)
        let timeout = configuration.connectTimeout
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) {
            guard let message = self.silence(for: timeout) else { return }
            self.end(self.error(.unreachable, message))
        }
        state = .signingIn(handshake, context, timer: timer)
        for command in handshake.commands {
            context.write(NIOAny(command.encoded), promise: nil)
        }
        context.flush()
    }

    private func received(_ tape: RedisTape) {
        var start = 0
        while start < tape.rootCount, case .signingIn(var handshake, let context, let timer) = state {
            let outcome = handshake.received(tape.root(start))
            start += 1
            switch outcome {
            case .more:
                state = .signingIn(handshake, context, timer: timer)
            case .open:
                timer.cancel()
                state = .open(context)
                delegate?.connectionOpened()
            case .refused(let error):
                end(error)
            }
        }
        guard start < tape.rootCount, case .open = state else { return }
        delegate?.connectionReceived(tape, from: start)
    }
}

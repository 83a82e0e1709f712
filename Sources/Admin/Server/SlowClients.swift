internal import NIOCore
internal import NIOHTTPTypes

/// Closes a connection whose client keeps it waiting, and tells ``Connections`` which ones wait for their client.
///
/// A head has to be complete within a time that is counted from its first byte (of the first one on a connection, from the
/// connection itself, so that a silent one and half a TLS handshake end too); a body within a time from the end of its head; an
/// answer has to be taken, or at least to move on. Byte by byte a client could otherwise keep a place for ever. Between two
/// requests a connection may be idle for as long as the server's idle timeout says.
final class SlowClients: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long each may take.
    struct Limits: Sendable {
        /// The head of a request.
        var head = TimeAmount.seconds(10)
        /// Its body.
        var body = TimeAmount.seconds(15)
        /// Until some of an answer is taken.
        var answer = TimeAmount.seconds(30)
    }

    /// What of a request is being read.
    private enum Reading {
        case nothing, head, body
    }

    private let limits: Limits
    private let connections: Connections
    private var reading = Reading.head
    private var deadline: Scheduled<Void>?
    private var answerDeadline: Scheduled<Void>?
    private var id: ObjectIdentifier?
    /// How many requests came whole, and how many answers were written to their end: one may be written before its request's
    /// body has come, and a client may send several requests at once.
    private var requests = 0, answers = 0

    init(limits: Limits, connections: Connections) {
        self.limits = limits
        self.connections = connections
    }

    private var isAnswering: Bool { requests > answers }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        answerDeadline?.cancel()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard id == nil else { return }
        let channel = context.channel
        let id = ObjectIdentifier(channel)
        self.id = id
        let connections = connections
        // A channel that is closed already runs this at once, and must not be counted after that.
        connections.open(id, from: channel.remoteAddress?.ipAddress ?? "local") {
            channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { _ in connections.closed(id) }
        arm(context.channel)
        do {
            try context.pipeline.syncOperations.addHandler(FirstBytes(of: self), position: .first)
        } catch {
            channel.close(promise: nil)
        }
    }

    /// Bytes came, whatever they are.
    fileprivate func bytesCame() {
        if reading == .nothing { reading = .head }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: read(.body)
        case .end:
            read(.nothing)
            requests += 1
            if let id, isAnswering { connections.answering(id) }
        case .body: break
        }
        context.fireChannelRead(data)
    }

    /// What came in one piece, as most requests do, needs no timer.
    func channelReadComplete(context: ChannelHandlerContext) {
        arm(context.channel)
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            answers += 1
            if let id, !isAnswering { connections.waiting(id) }
            arm(context.channel)
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        answerDeadline?.cancel()
        answerDeadline = nil
        if !context.channel.isWritable {
            let channel = context.channel
            if let id { connections.waiting(id) }
            answerDeadline = context.eventLoop.scheduleTask(in: limits.answer) { channel.close(promise: nil) }
        } else if isAnswering, let id {
            connections.answering(id)
        }
        context.fireChannelWritabilityChanged()
    }

    private func read(_ next: Reading) {
        reading = next
        deadline?.cancel()
        deadline = nil
    }

    /// Begins to count the time of what is being read.
    ///
    /// The next head may come while this request is being answered, however long that takes.
    private func arm(_ channel: any Channel) {
        guard deadline == nil, reading != .nothing, reading == .body || !isAnswering else { return }
        let limit = reading == .head ? limits.head : limits.body
        deadline = channel.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }
}

/// Tells ``SlowClients`` that bytes came, before anybody knows what they mean.
private final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let clients: SlowClients

    init(of clients: SlowClients) {
        self.clients = clients
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        clients.bytesCame()
        context.fireChannelRead(data)
    }
}

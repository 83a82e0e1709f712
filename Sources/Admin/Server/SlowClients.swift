internal import NIOCore
internal import NIOHTTPTypes

/// Closes connections of slow clients, and reports to ``Connections`` which connections wait for their client.
///
/// A head must be complete within a time from its first byte (the first head within a time from the connection, so that
/// silent connections and incomplete TLS handshakes end too), and a body within a time from the end of its head. The
/// client must read an answer, or at least make progress. Otherwise a client could hold a connection for ever by
/// sending single bytes. Between two requests, the server's idle timeout applies.
final class SlowClients: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// The time limits.
    struct Limits: Sendable {
        /// For the head of a request.
        var head = TimeAmount.seconds(10)
        /// For its body.
        var body = TimeAmount.seconds(15)
        /// Until the client reads some of the answer.
        var answer = TimeAmount.seconds(30)
    }

    /// The part of a request that is being read.
    private enum Reading {
        case nothing, head, body
    }

    private let limits: Limits
    private let connections: Connections
    private var reading = Reading.head
    private var deadline: Scheduled<Void>?
    private var answerDeadline: Scheduled<Void>?
    private var id: ObjectIdentifier?
    /// The number of complete requests and of complete answers.
    ///
    /// An answer may be complete before the body of its request, and a client may send several requests at once.
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
        // On a closed channel this callback runs at once, so the connection must not be counted afterwards.
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

    /// Bytes have arrived.
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

    /// A request that arrives in one piece, as most do, needs no timer.
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

    /// Starts the timer of the part that is being read.
    ///
    /// The next head may arrive while this request is being answered, however long that takes.
    private func arm(_ channel: any Channel) {
        guard deadline == nil, reading != .nothing, reading == .body || !isAnswering else { return }
        let limit = reading == .head ? limits.head : limits.body
        deadline = channel.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }
}

/// Reports to ``SlowClients`` that bytes have arrived, before they are parsed.
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

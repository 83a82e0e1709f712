internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// A real HTTP server on 127.0.0.1 that notes what it gets and answers as a test wants.
package final class HTTPReceiver: Sendable {
    /// What it got.
    package struct Request: Sendable {
        /// `POST`.
        package let method: String
        /// Path and query.
        package let target: String
        /// Names in small letters.
        package let headers: [String: String]
        /// The body as text.
        package let body: String
        /// When it was there as a whole.
        package let at: ContinuousClock.Instant

        /// The body as JSON.
        package func json() throws -> [String: Any] {
            try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] ?? [:]
        }
    }

    /// What it does about a request.
    package enum Answer: Sendable {
        /// Answers with a status.
        case status(Int)
        /// Answers with a status and a place to go to.
        case redirect(Int, to: String)
        /// Answers with a status and a number of seconds after which it wants to be asked again.
        case busy(Int, seconds: Int)
        /// Keeps the connection and says nothing.
        case silence
        /// Hangs up.
        case hangUp
    }

    private let state: Mutex<(requests: [Request], answer: @Sendable (Int, Request) -> Answer)>
    private let channel = Mutex<(any Channel)?>(nil)

    private init(_ answer: @escaping @Sendable (Int, Request) -> Answer) {
        state = Mutex(([], answer))
    }

    /// Runs a body with a receiver; requests are numbered from 1.
    package static func withReceiver<Result>(
        port: Int = 0, answer: @escaping @Sendable (_ number: Int, Request) -> Answer = { _, _ in .status(200) },
        _ body: (HTTPReceiver) async throws -> Result
    ) async throws -> Result {
        let receiver = HTTPReceiver(answer)
        let bound = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(receiver))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        receiver.channel.withLock { $0 = bound }
        do {
            let result = try await body(receiver)
            try await bound.close()
            return result
        } catch {
            try await bound.close()
            throw error
        }
    }

    /// The port it listens on.
    package var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }
    /// Everything it got, in order.
    package var requests: [Request] { state.withLock { $0.requests } }

    /// Its address, with a path that a receiver might have.
    package var url: String { "http://127.0.0.1:\(port)/hook?token=s3cr3t" }

    private func take(_ request: Request) -> Answer {
        let (number, answer) = state.withLock { state in
            state.requests.append(request)
            return (state.requests.count, state.answer)
        }
        return answer(number, request)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let receiver: HTTPReceiver
        private var head: HTTPRequestHead?
        /// Parts may end in the middle of a character, so that it is text only as a whole.
        private var body = ByteBuffer()

        init(_ receiver: HTTPReceiver) {
            self.receiver = receiver
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body(var part): body.writeBuffer(&part)
            case .end: end(context)
            }
        }

        private func end(_ context: ChannelHandlerContext) {
            guard let head else { return }
            let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
            let request = Request(
                method: head.method.rawValue, target: head.uri, headers: headers, body: String(buffer: body), at: .now)
            body.clear()
            switch receiver.take(request) {
            case .status(let code): respond(code, [:], context)
            case .redirect(let code, let place): respond(code, ["location": place], context)
            case .busy(let code, let seconds): respond(code, ["retry-after": "\(seconds)"], context)
            case .silence: break
            case .hangUp: context.close(promise: nil)
            }
        }

        private func respond(_ code: Int, _ more: [String: String], _ context: ChannelHandlerContext) {
            var headers = HTTPHeaders([("content-length", "0")])
            for (name, value) in more { headers.add(name: name, value: value) }
            let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: code), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}

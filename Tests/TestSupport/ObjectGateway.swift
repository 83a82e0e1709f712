internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// A real HTTP server on 127.0.0.1 that stands in front of an object store: it notes every request, and passes it on or
/// does what a test wants instead.
package final class ObjectGateway: Sendable {
    /// What it got.
    package struct Request: Sendable {
        /// `POST`.
        package let method: String
        /// Path and query.
        package let target: String
        /// Names in small letters, and values.
        package let headers: [String: String]
        /// The body.
        package let body: [UInt8]

        /// Whether it asks for objects to be deleted.
        package var isDeletion: Bool { method == "POST" && target.contains("?delete") }
    }

    /// What a server says.
    package struct Reply: Sendable {
        /// The status.
        package var status: Int
        /// Headers beside the length.
        package var headers: [String: String]
        /// The body as text.
        package var body: String

        /// Makes it.
        package init(_ status: Int, _ body: String = "", headers: [String: String] = [:]) {
            self.status = status
            self.body = body
            self.headers = headers
        }
    }

    /// What it does about a request.
    package enum Answer: Sendable {
        /// Answers.
        case reply(Reply)
        /// Answers the first half, and hangs up.
        case half(Reply)
        /// Hangs up.
        case hangUp
        /// Keeps the connection and says nothing until the client goes.
        case silence
    }

    /// Decides over a request; `forward` passes it on and gives back what the server behind says.
    package typealias Decision =
        @Sendable (
            _ number: Int, _ request: Request, _ forward: @Sendable () async throws -> Reply
        ) async throws -> Answer

    /// Where it listens: `http://127.0.0.1:<port>`.
    package let endpoint: String
    private let target: String
    private let decision: Decision
    private let noted = Mutex<[Request]>([])

    private init(port: Int, target: String, decision: @escaping Decision) {
        endpoint = "http://127.0.0.1:\(port)"
        self.target = target
        self.decision = decision
    }

    /// Everything it got, in order.
    package var requests: [Request] { noted.withLock { $0 } }
    /// The requests that delete objects.
    package var deletions: [Request] { requests.filter(\.isDeletion) }

    private typealias Client = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    /// Runs a body with a gateway to the server at that address; requests are numbered from 1.
    package static func withGateway<Result: Sendable>(
        to target: String = "", decision: @escaping Decision = { _, _, forward in .reply(try await forward()) },
        _ body: @Sendable (ObjectGateway) async throws -> Result
    ) async throws -> Result {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return try Client(wrappingChannelSynchronously: channel)
                }
            }
        let gateway = ObjectGateway(
            port: server.channel.localAddress?.port ?? 0, target: target, decision: decision)
        return try await server.executeThenClose { clients in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await withDiscardingTaskGroup { connections in
                        do {
                            for try await client in clients { connections.addTask { await gateway.serve(client) } }
                        } catch {
                            // The test is over, and with it the server.
                        }
                        connections.cancelAll()
                    }
                }
                let result = try await body(gateway)
                group.cancelAll()
                return result
            }
        }
    }

    private func serve(_ client: Client) async {
        do {
            try await client.executeThenClose { inbound, outbound in
                var head: HTTPRequestHead?
                var body: [UInt8] = []
                for try await part in inbound {
                    switch part {
                    case .head(let new): (head, body) = (new, [])
                    case .body(let bytes): body += bytes.readableBytesView
                    case .end:
                        guard let head, try await answer(head, body, outbound) else { return }
                    }
                }
            }
        } catch {
            // The client has gone, or the test is over.
        }
    }

    /// Answers a request; false where the connection is to be closed.
    private func answer(
        _ head: HTTPRequestHead, _ body: [UInt8], _ outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    ) async throws -> Bool {
        let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        let request = Request(method: head.method.rawValue, target: head.uri, headers: headers, body: body)
        let number = noted.withLock { requests in
            requests.append(request)
            return requests.count
        }
        let isHalf: Bool
        let reply: Reply
        switch try await decision(number, request, { try await self.forward(head, body) }) {
        case .hangUp: return false
        case .silence:
            try await Task.sleep(for: .seconds(3_600))
            return false
        case .reply(let whole): (reply, isHalf) = (whole, false)
        case .half(let whole): (reply, isHalf) = (whole, true)
        }
        // An answer to HEAD has no body.
        let bytes = head.method == .HEAD ? [] : Array(reply.body.utf8)
        var answer = HTTPResponseHead(version: .http1_1, status: .init(statusCode: reply.status))
        for (name, value) in reply.headers { answer.headers.add(name: name, value: value) }
        answer.headers.replaceOrAdd(name: "content-length", value: String(bytes.count))
        try await outbound.write(.head(answer))
        let part = isHalf ? bytes.prefix(bytes.count / 2) : bytes[...]
        try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: part))))
        if !isHalf { try await outbound.write(.end(nil)) }
        return !isHalf
    }

    /// Passes a request on as it is: with its `Host`, for the signature is over that too.
    private func forward(_ head: HTTPRequestHead, _ body: [UInt8]) async throws -> Reply {
        var request = HTTPClientRequest(url: target + head.uri)
        request.method = head.method
        request.headers = head.headers
        request.headers.remove(name: "content-length")
        request.headers.remove(name: "connection")
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let text = String(buffer: try await response.body.collect(upTo: 16 << 20))
        return Reply(Int(response.status.code), text)
    }
}

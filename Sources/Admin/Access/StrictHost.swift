internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// Refuses a request whose host is missing, repeated or malformed.
///
/// Access may depend on the host, so there must be one. HTTP/1.0 allows requests without a host; these are refused too.
///
/// It is placed before the handler that builds requests, which no longer sees these errors.
final class StrictHost: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private var isRefused = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        if case .head(let head) = unwrapInboundIn(data), !Self.isFit(head) {
            isRefused = true
            // Answered with 400, like any other request that can't be parsed.
            context.fireErrorCaught(HTTPParserError.invalidHeaderToken)
            return
        }
        context.fireChannelRead(data)
    }

    private static func isFit(_ head: HTTPRequestHead) -> Bool {
        var hosts = 0
        for (name, value) in head.headers where name.utf8.count == 4 && name.lowercased() == "host" {
            hosts += 1
            guard hosts == 1, isFit(value) else { return false }
        }
        return hosts == 1 || (head.version.major == 1 && head.version.minor == 0)
    }

    /// Runs for every request, so it compares bytes.
    private static func isFit(_ host: String) -> Bool {
        host.utf8.withContiguousStorageIfAvailable { HostText.isFit($0) } ?? HostText.isFit(Array(host.utf8))
    }

    /// Inserts a ``StrictHost`` before the handler that builds requests, then removes itself.
    final class Installer: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = Any

        func handlerAdded(context: ChannelHandlerContext) {
            let pipeline = context.pipeline.syncOperations
            do {
                let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
                try pipeline.addHandler(StrictHost(), position: .before(codec))
            } catch {
                // Without this handler, no request may be admitted by its host.
                context.close(promise: nil)
            }
        }
    }
}

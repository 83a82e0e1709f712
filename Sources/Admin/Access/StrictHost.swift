internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// Refuses a request that doesn't say for which host it is, or says it twice or in no readable way.
///
/// What is let in by its host must have one. HTTP/1.0 knows requests without any, which are for nobody in particular.
///
/// It puts itself before the handler that makes requests of what was parsed, since that one forgets what is wrong here.
final class StrictHost: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private var isRefused = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        if case .head(let head) = unwrapInboundIn(data), !Self.isFit(head) {
            isRefused = true
            // Answered with 400, as whatever else can't be parsed.
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

    /// Looked at byte by byte, since it is looked at for every request.
    private static func isFit(_ host: String) -> Bool {
        host.utf8.withContiguousStorageIfAvailable { HostText.isFit($0) } ?? HostText.isFit(Array(host.utf8))
    }

    /// Puts one before the handler that makes requests, and is gone.
    final class Installer: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = Any

        func handlerAdded(context: ChannelHandlerContext) {
            let pipeline = context.pipeline.syncOperations
            do {
                let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
                try pipeline.addHandler(StrictHost(), position: .before(codec))
            } catch {
                // Without it nobody may be let in by a host.
                context.close(promise: nil)
            }
        }
    }
}

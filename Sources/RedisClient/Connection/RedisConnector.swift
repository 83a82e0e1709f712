internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Opens channels as configured: TCP or a Unix socket, with or without TLS.
enum RedisConnector {
    /// Opens a channel to the server; with Sentinels, to the one that they name now.
    ///
    /// If they name none, the handler ends.
    static func open(
        _ configuration: RedisConfiguration,
        askedOf sentinels: SentinelWatch?,
        among addresses: NamedAddresses? = nil,
        with handler: RedisConnectionHandler,
        on loop: any EventLoop
    ) {
        guard let sentinels else { return open(configuration, among: addresses, with: handler, on: loop) }
        sentinels.primary { outcome in
            guard !handler.isEnded else { return }
            switch outcome {
            case .success(let address):
                handler.aim(at: address)
                sentinels.watch(handler)
                open(configuration.at(address), with: handler, on: loop)
            case .failure(let error):
                handler.end(error)
            }
        }
    }

    /// Opens a channel with the handler at its end.
    ///
    /// A failure is a ``RedisError`` and ends the handler, which reports it. The same applies to errors in TLS files,
    /// which are read for every connection because certificates get renewed.
    static func open(
        _ configuration: RedisConfiguration,
        among addresses: NamedAddresses? = nil,
        with handler: RedisConnectionHandler,
        on loop: any EventLoop
    ) {
        let bound = NIOLoopBound(handler, eventLoop: loop)
        let names = NIOLoopBound(addresses, eventLoop: loop)
        context(configuration, on: loop).flatMap { tls in
            let bootstrap = ClientBootstrap(group: loop)
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .connectTimeout(TimeAmount(configuration.connectTimeout))
                .channelInitializer { channel in
                    loop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls { try pipeline.addHandler(tlsHandler(tls, configuration)) }
                        try pipeline.addHandler(bound.value)
                    }
                }
            return switch configuration.address {
            case .host(let host, let port): connect(bootstrap, host, port, among: names, on: loop)
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        }.whenFailure { error in
            let address = configuration.address.description
            let reason = error as? RedisError
            let message = reason?.message ?? describe(error, configuration)
            bound.value.end(RedisError(.unreachable, message, address: address, underlying: error))
        }
    }

    /// A numeric address isn't resolved: that would wait behind every slow name lookup of the process.
    private static func connect(
        _ bootstrap: ClientBootstrap,
        _ host: String,
        _ port: Int,
        among addresses: NIOLoopBound<NamedAddresses?>,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        if let address = number(host, port) { return bootstrap.connect(to: address) }
        guard addresses.value != nil else { return bootstrap.connect(host: host, port: port) }
        let bootstrap = NIOLoopBound(bootstrap, eventLoop: loop)
        return NamedAddresses.resolve(host, port, on: loop).flatMap { found in
            guard let address = addresses.value?.choose(among: found) else {
                return bootstrap.value.connect(host: host, port: port)
            }
            return bootstrap.value.connect(to: address).flatMapErrorThrowing { error in
                addresses.value?.leave(address)
                throw error
            }
        }
    }

    /// The address of a numeric host; nil for a name.
    private static func number(_ host: String, _ port: Int) -> SocketAddress? {
        try? SocketAddress(ipAddress: host, port: port)
    }

    private static func context(
        _ configuration: RedisConfiguration,
        on loop: any EventLoop
    ) -> EventLoopFuture<NIOSSLContext?> {
        guard let tls = configuration.tls else { return loop.makeSucceededFuture(nil) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try NIOSSLContext(reading: tls) }
    }

    /// The certificate of a numeric host is verified against the socket's address.
    private static func tlsHandler(
        _ context: NIOSSLContext,
        _ configuration: RedisConfiguration
    ) throws -> NIOSSLClientHandler {
        guard case .host(let host, let port) = configuration.address, number(host, port) == nil
        else { return try NIOSSLClientHandler(context: context, serverHostname: nil) }
        return try NIOSSLClientHandler(context: context, serverHostname: host)
    }

    /// The certificate of the server at the other end of a channel, if TLS got that far.
    static func certificate(of channel: any Channel) -> NIOSSLCertificate? {
        try? channel.pipeline.syncOperations.nioSSL_peerCertificate()
    }

    /// The reason of a failed connection, for people.
    ///
    /// - Parameter certificate: the certificate of a server with TLS, if it got that far.
    static func describe(
        _ error: any Error,
        _ configuration: RedisConfiguration,
        certificate: NIOSSLCertificate? = nil
    ) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return describe(first.error, configuration) }
            return "the host \(error.host) is unknown"
        case let error as IOError:
            return describe(errno: error.errnoCode) ?? error.description
        case ChannelError.connectTimeout(let time):
            return "no connection within \(Duration(time))"
        case SocketAddressError.unixDomainSocketPathTooLong:
            return "the path of the socket is too long"
        case NIOSSLError.uncleanShutdown:
            return "the server closed the connection"
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            guard let tls = configuration.tls else { return "TLS: \(error)" }
            let address = configuration.address
            return "TLS: \(TLSFailure(error: error, tls: tls, address: address, certificate: certificate).description)"
        default:
            return String(describing: error)
        }
    }

    private static func describe(errno code: CInt) -> String? {
        switch code {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET: "connection reset by the server"
        case EPIPE: "the server closed the connection"
        case ENOENT: "the socket does not exist"
        case EACCES, EPERM: "permission denied"
        case EHOSTUNREACH, ENETUNREACH: "no route to the host"
        case ETIMEDOUT: "no answer from the host"
        default: nil
        }
    }
}

package import Curfew
internal import HTTPTypes
package import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
package import Logging
internal import NIOCore
internal import NIOSSL
internal import ServiceLifecycle

/// The HTTP server of an instance: API, dashboard and metrics.
package struct AdminServer: Service {
    /// How long a connection may be idle between two requests.
    static let idleTimeout = TimeAmount.seconds(60)

    /// How many connections wait to be accepted.
    ///
    /// If there are more, the client's system retries after a second.
    static let backlog = 2_048

    private let source: EngineSource
    private let worker: Worker?
    private let telemetry: TelemetryService?
    private let settings: HTTPSettings
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void
    private let limits: SlowClients.Limits
    private let idleTimeout: TimeAmount

    /// Creates the server for the current configuration.
    ///
    /// - Parameters:
    /// - worker: the worker of the same process; the instance is ready only if it can work.
    /// - telemetry: what sends the measurements of this process.
    /// - onListening: called with the port once the server listens.
    package init(
        source: EngineSource, worker: Worker? = nil, logger: Logger, telemetry: TelemetryService? = nil,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.init(
            source: source, worker: worker, logger: logger, telemetry: telemetry, limits: SlowClients.Limits(),
            idleTimeout: Self.idleTimeout, onListening: onListening)
    }

    /// The same with other times, for tests.
    init(
        source: EngineSource, worker: Worker? = nil, logger: Logger, telemetry: TelemetryService? = nil,
        limits: SlowClients.Limits,
        idleTimeout: TimeAmount, onListening: @escaping @Sendable (Int) async -> Void
    ) {
        self.source = source
        self.worker = worker
        self.telemetry = telemetry
        self.logger = logger
        self.onListening = onListening
        self.limits = limits
        self.idleTimeout = idleTimeout
        settings = source.current.configuration.http ?? HTTPSettings()
    }

    /// The application, not yet listening.
    package func application() throws -> some ApplicationProtocol {
        let service = telemetry?.service ?? AdminService(source: source, worker: worker)
        let access = Access(source: source)
        let limits = limits
        let connections = Connections(logger: logger) { access.settings.trusts($0) }
        var channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                StrictHost.Installer(), SlowClients(limits: limits, connections: connections),
            ],
            idleTimeout: idleTimeout)
        channel.httpDecoder = .init(maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100)
        let plain = HTTPServerBuilder.http1(configuration: channel)
        let server = try tls().map { try HTTPServerBuilder.tls(plain, tlsConfiguration: $0) } ?? plain
        let (settings, logger, onListening) = (settings, logger, onListening)
        let dashboard = Dashboard(service: service, access: access)
        return Application(
            router: AdminRouter.make(service, access, dashboard, connections: connections),
            server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), serverName: "curfew", backlog: Self.backlog),
            services: [dashboard, service.pings, service.background],
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? settings.port
                logger.info("listening", metadata: ["host": "\(settings.host)", "port": .stringConvertible(port)])
                await onListening(port)
            },
            eventLoopGroupProvider: .shared(HTTPThreads.connections),
            logger: logger)
    }

    /// Serves until a graceful shutdown.
    package func run() async throws {
        let application = try application()
        for doubt in settings.doubts { logger.warning("http.\(doubt.key): \(doubt.message)") }
        do {
            // Everything inside inherits the executor.
            try await withTaskExecutorPreference(HTTPThreads.door) { try await application.run() }
        } catch let error as IOError {
            throw CurfewError(
                .usage, "http.listen: \(settings.host):\(settings.port) can't listen: \(error.localizedReason)")
        }
    }

    /// The ciphers of TLS 1.2: forward secrecy and authenticated encryption only.
    ///
    /// TLS 1.3 has no others.
    private static let ciphers: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    private func tls() throws -> TLSConfiguration? {
        guard let files = settings.tls else { return nil }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem)))
            configuration.minimumTLSVersion = .tlsv12
            configuration.cipherSuiteValues = Self.ciphers
            return configuration
        } catch {
            throw CurfewError(.usage, "http.tls: \(files.certificate) and \(files.key) can't be used: \(error)")
        }
    }
}

extension IOError {
    /// The reason, without the name of the failed call.
    fileprivate var localizedReason: String { errnoCode == 98 ? "the address is already in use" : "\(self)" }
}

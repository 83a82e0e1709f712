package import NIOSSL

/// The reasons of failed connections, for other clients than that of Redis.
package enum ConnectionFailure {
    /// The reason for people.
    ///
    /// - Parameters:
    ///   - tls: the settings of the connection, if it has TLS.
    ///   - plain: the scheme of an address without TLS.
    package static func reason(
        _ error: any Error, host: String, port: Int, tls: RedisConfiguration.TLS?, plain: String
    ) -> String {
        var configuration = RedisConfiguration(address: .host(host, port: port))
        configuration.tls = tls
        return RedisConnector.describe(error, configuration).replacing("redis://", with: plain)
    }
}

extension NIOSSLContext {
    /// Reads the files of these settings.
    ///
    /// - Throws: ``RedisError`` if a file can't be read.
    package convenience init(reading tls: RedisConfiguration.TLS) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification =
            switch tls.verification {
            case .full: .fullVerification
            case .ca: .noHostnameVerification
            case .none: .none
            }
        if let file = tls.authorities {
            let authorities = try reading(file, "certificates to trust") { try NIOSSLCertificate.fromPEMFile(file) }
            configuration.trustRoots = .certificates(authorities)
        }
        if let file = tls.certificate {
            let chain = try reading(file, "a certificate") { try NIOSSLCertificate.fromPEMFile(file) }
            configuration.certificateChain = chain.map { .certificate($0) }
        }
        if let file = tls.key {
            let key = try reading(file, "a private key") { try NIOSSLPrivateKey(file: file, format: .pem) }
            configuration.privateKey = .privateKey(key)
        }
        try self.init(configuration: configuration)
    }
}

private func reading<Part>(_ file: String, _ what: String, _ body: () throws -> Part) throws(RedisError) -> Part {
    do {
        return try body()
    } catch {
        throw RedisError(.unreachable, "TLS: cannot read \(what) from \(file) (expected PEM)", underlying: error)
    }
}

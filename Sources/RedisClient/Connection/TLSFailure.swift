internal import Glibc
internal import NIOSSL

/// Why a TLS connection failed, with advice.
///
/// The library only reports a BoringSSL error with its source location, and for a certificate only that it wasn't
/// accepted. Details are therefore read from the certificate itself.
struct TLSFailure {
    let error: any Error
    let tls: RedisConfiguration.TLS
    /// The server that the certificate must name.
    let address: RedisConfiguration.Address
    /// The server's certificate, if it was received.
    let certificate: NIOSSLCertificate?
    var now: time_t = time(nil)

    /// The reason for people.
    var description: String {
        if error as? NIOSSLExtraError == .failedToValidateHostname, case .host(let host, _) = address {
            return "the server's certificate is not for \(host) (verify=ca only checks the chain)"
        }
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return unaccepted }
        if let refusal = Self.refusals.first(where: { text.contains($0.alert) }) { return refusal.reason(tls) }
        if text.contains("EOF during handshake") {
            return
                "the server closed the connection during the handshake (if this port has no TLS, use redis://)"
        }
        if text.contains("failedToLoadPrivateKey") {
            let files = (tls.key ?? "no file", tls.certificate ?? "no file")
            return "the key in \(files.0) is not that of the certificate in \(files.1)"
        }
        return "the handshake failed: \(Self.name(in: text))"
    }

    /// The problem with the server's certificate: its validity period or, if that is right, its issuer.
    private var unaccepted: String {
        if let certificate, certificate.notValidAfter < now {
            return "the server's certificate expired at \(Self.text(of: certificate.notValidAfter))"
        }
        if let certificate, certificate.notValidBefore > now {
            return "the server's certificate is not valid before \(Self.text(of: certificate.notValidBefore))"
        }
        guard let file = tls.authorities else {
            return
                "the server's certificate is not signed by an authority trusted on this machine (ca=FILE names another)"
        }
        return "the server's certificate is not signed by an authority in \(file)"
    }

    /// The alerts that a server sends before it closes the connection.
    private static let refusals: [(alert: String, reason: @Sendable (RedisConfiguration.TLS) -> String)] = [
        ("ALERT_CERTIFICATE_REQUIRED", { _ in "the server requires a client certificate (cert=FILE, key=FILE)" }),
        ("ALERT_CERTIFICATE_EXPIRED", { "the server refused \(own($0)): it has expired" }),
        ("ALERT_CERTIFICATE_REVOKED", { "the server refused \(own($0)): it was revoked" }),
        ("ALERT_UNKNOWN_CA", { "the server refused \(own($0)): it doesn't trust the issuer" }),
        ("CERTIFICATE", { "the server refused \(own($0))" }),
        ("WRONG_VERSION_NUMBER", { _ in "the server does not speak TLS at this port" }),
    ]

    private static func own(_ tls: RedisConfiguration.TLS) -> String {
        tls.certificate.map { "the certificate in \($0)" } ?? "the connection without a client certificate"
    }

    /// The BoringSSL name of an error, without its source location.
    private static func name(in text: String) -> String {
        guard let start = text.firstRange(of: "OPENSSL_internal:")?.upperBound else { return text }
        return String(text[start...].prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    }

    private static func text(of time: time_t) -> String {
        var (seconds, parts) = (time, tm())
        gmtime_r(&seconds, &parts)
        func two(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "\(day)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
    }
}

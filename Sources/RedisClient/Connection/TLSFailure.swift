internal import Glibc
internal import NIOSSL

/// Why a TLS connection failed, in words that say what to do.
///
/// The library names an error of BoringSSL's and a place in its source. It says no more of a certificate than that it
/// was not accepted, so the rest is read from the certificate itself.
struct TLSFailure {
    let error: any Error
    let tls: RedisConfiguration.TLS
    /// Whom the certificate has to name.
    let address: RedisConfiguration.Address
    /// What the server showed, if it got that far.
    let certificate: NIOSSLCertificate?
    var now: time_t = time(nil)

    /// The reason for people.
    var description: String {
        if error as? NIOSSLExtraError == .failedToValidateHostname, case .host(let host, _) = address {
            return "the server's certificate is not for \(host) (verify=ca checks the chain alone)"
        }
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return unaccepted }
        if let refusal = Self.refusals.first(where: { text.contains($0.alert) }) { return refusal.reason(tls) }
        if text.contains("EOF during handshake") {
            return
                "the server hung up in the middle of the handshake (where it speaks no TLS at this port: expected redis://)"
        }
        if text.contains("failedToLoadPrivateKey") {
            let files = (tls.key ?? "no file", tls.certificate ?? "no file")
            return "the key in \(files.0) is not that of the certificate in \(files.1)"
        }
        return "the handshake failed: \(Self.name(in: text))"
    }

    /// What is wrong with the server's certificate: its time or, where that is right, whoever signed it.
    private var unaccepted: String {
        if let certificate, certificate.notValidAfter < now {
            return "the server's certificate expired at \(Self.text(of: certificate.notValidAfter))"
        }
        if let certificate, certificate.notValidBefore > now {
            return "the server's certificate is not valid before \(Self.text(of: certificate.notValidBefore))"
        }
        guard let file = tls.authorities else {
            return "no authority that this machine trusts has signed the server's certificate (ca=FILE names another)"
        }
        return "no authority in \(file) has signed the server's certificate"
    }

    /// What a server says before it hangs up.
    private static let refusals: [(alert: String, reason: @Sendable (RedisConfiguration.TLS) -> String)] = [
        ("ALERT_CERTIFICATE_REQUIRED", { _ in "the server wants a certificate of its clients (cert=FILE, key=FILE)" }),
        ("ALERT_CERTIFICATE_EXPIRED", { "the server refused \(own($0)): it has expired" }),
        ("ALERT_CERTIFICATE_REVOKED", { "the server refused \(own($0)): it was revoked" }),
        ("ALERT_UNKNOWN_CA", { "the server refused \(own($0)): it trusts none who signed it" }),
        ("CERTIFICATE", { "the server refused \(own($0))" }),
        ("WRONG_VERSION_NUMBER", { _ in "the server does not speak TLS at this port" }),
    ]

    private static func own(_ tls: RedisConfiguration.TLS) -> String {
        tls.certificate.map { "the certificate in \($0)" } ?? "to go on without a certificate of ours"
    }

    /// The name that BoringSSL has for an error, without the place in its source.
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

internal import NIOCore

/// Why nobody came to sign in, in words that say what to do: TLS on one side alone looks like silence, or like a server that
/// hangs up.
enum SigningInFailure {
    /// What is said of a server that answered with an alert of TLS.
    static let wantsTLS = "the server speaks TLS at this port: expected rediss:// in place of redis://"

    /// Whether a server's first bytes are an alert of TLS 1.0 to 1.3.
    static func isAlert(_ bytes: ByteBuffer) -> Bool {
        bytes.getBytes(at: bytes.readerIndex, length: 2) == [0x15, 0x03]
    }

    /// A server that takes the connection and says nothing.
    static func silence(_ configuration: RedisConfiguration, isSecure: Bool) -> String {
        let timeout = configuration.connectTimeout
        guard configuration.tls != nil, !isSecure else { return "connected, but no answer within \(timeout)" }
        return "TLS: connected, but no answer to the handshake within \(timeout): a server without TLS at this port "
            + "(expected redis:// then), or one that hangs"
    }

    /// A server that hangs up before it has answered.
    static func end(_ configuration: RedisConfiguration, after failure: RedisError?) -> String {
        let reason = failure?.message ?? "the server closed the connection without an answer"
        guard configuration.tls == nil, case .host = configuration.address else { return reason }
        return "\(reason) (where it speaks TLS at this port: expected rediss://)"
    }
}

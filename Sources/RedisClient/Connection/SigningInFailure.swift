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

    /// A server that speaks, and not as Redis does; its first line is quoted, as far as it is text.
    static func noRedis(_ bytes: ByteBuffer) -> String {
        let first = bytes.getBytes(at: bytes.readerIndex, length: min(bytes.readableBytes, 60)) ?? []
        let line = first.prefix { $0 != 10 && $0 != 13 }
        guard !line.isEmpty, line.allSatisfy({ (32...126).contains($0) }) else {
            return "this is no Redis server: its answer is no RESP"
        }
        return "this is no Redis server: it answered “\(String(decoding: line, as: UTF8.self))”"
    }

    /// A server that takes the connection and says nothing for so long.
    static func silence(_ configuration: RedisConfiguration, isSecure: Bool, for timeout: Duration) -> String {
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

internal import NIOCore

/// Why the handshake failed, with advice: TLS on one side only looks like silence, or like a server that closes the
/// connection.
enum SigningInFailure {
    /// The message for a server that answered with a TLS alert.
    static let wantsTLS = "the server speaks TLS at this port: expected rediss:// instead of redis://"

    /// Whether a server's first bytes are an alert of TLS 1.0 to 1.3.
    static func isAlert(_ bytes: ByteBuffer) -> Bool {
        bytes.getBytes(at: bytes.readerIndex, length: 2) == [0x15, 0x03]
    }

    /// The message for a server that doesn't speak the Redis protocol; its first line is quoted if it is text.
    static func notRedis(_ bytes: ByteBuffer) -> String {
        let first = bytes.getBytes(at: bytes.readerIndex, length: min(bytes.readableBytes, 60)) ?? []
        let line = first.prefix { $0 != 10 && $0 != 13 }
        guard !line.isEmpty, line.allSatisfy({ (32...126).contains($0) }) else {
            return "this is not a Redis server: its answer is not RESP"
        }
        return "this is not a Redis server: it answered “\(String(decoding: line, as: UTF8.self))”"
    }

    /// The message for a server that accepts the connection but is silent for so long.
    static func silence(_ configuration: RedisConfiguration, isSecure: Bool, for timeout: Duration) -> String {
        guard configuration.tls != nil, !isSecure else { return "connected, but no answer within \(timeout)" }
        return "TLS: connected, but no answer to the handshake within \(timeout): a server without TLS at this port "
            + "(expected redis:// then), or a server that hangs"
    }

    /// The message for a server that closes the connection without an answer.
    static func end(_ configuration: RedisConfiguration, after failure: RedisError?) -> String {
        let reason = failure?.message ?? "the server closed the connection without an answer"
        guard configuration.tls == nil, case .host = configuration.address else { return reason }
        return "\(reason) (if it speaks TLS at this port, use rediss://)"
    }
}

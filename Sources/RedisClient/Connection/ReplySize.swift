/// The size limit of the replies to one request.
///
/// A larger reply becomes an error, ``RedisServerError/isTooLarge``, and its content is dropped as it arrives: the
/// connection continues, and no arbitrarily large data is kept in memory. Values of up to 1 KiB don't count.
package enum ReplySize: UInt8, Sendable {
    /// The limit of any reply.
    case usual
    /// For lists whose entries contain data of records.
    case list
    /// Records.
    case record

    /// The most bytes of one value of a record.
    package static let recordValueBytes = 1 << 20
    /// The most bytes of all replies to one request, if they are limited.
    package static let requestBytes = 8 << 20

    /// The most bytes of one value.
    var valueBytes: Int { self == .record ? Self.recordValueBytes : .max }
    /// The most bytes of all larger values together.
    var bytes: Int { self == .usual ? .max : Self.requestBytes }
}

extension RedisServerError {
    /// Whether the reply exceeded the limit; this error comes from the client, not from the server.
    package var isTooLarge: Bool { message.hasPrefix(Self.tooLarge) }

    private static let tooLarge = "TOOLARGE "

    /// The message without the code, which only programs need.
    package var words: String { isTooLarge ? String(message.dropFirst(Self.tooLarge.count)) : message }
}

extension RedisValue {
    /// Whether the reply exceeded the limit.
    package var isTooLarge: Bool { kind == .error && error?.isTooLarge == true }

    /// Whether it only exceeded the limit together with earlier replies.
    fileprivate var isTooMuch: Bool { kind == .error && error?.message.hasPrefix("TOOLARGE the replies ") == true }
}

extension RedisClient {
    /// Sends commands together like ``pipeline(_:deadline:)``, and repeats those whose replies exceeded the limit
    /// together with others.
    ///
    /// - Parameter take: receives each reply with the position of its command, so that replies needn't be kept.
    package func pipelineInPieces(
        _ commands: [RedisCommand], take: (Int, RedisValue) throws -> Void
    ) async throws {
        var open = Array(commands.indices)
        while !open.isEmpty {
            let replies = try await pipeline(open.map { commands[$0] })
            var rest: [Int] = []
            for (number, (place, reply)) in zip(open, replies).enumerated() {
                // The first reply had the whole limit.
                if number > 0, reply.isTooMuch { rest.append(place) } else { try take(place, reply) }
            }
            open = rest
        }
    }

    /// The replies to commands whose replies may exceed the limit together.
    package func pipelineInPieces(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        var replies = Array(repeating: RedisValue.null, count: commands.count)
        try await pipelineInPieces(commands) { replies[$0] = $1 }
        return replies
    }
}

extension RedisError {
    /// Whether the reply exceeded the limit.
    package var isTooLarge: Bool { server?.isTooLarge == true }
}

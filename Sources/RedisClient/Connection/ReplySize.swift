/// How much is read of the replies to the commands of one request.
///
/// A reply that would be more is an error of its own, ``RedisServerError/isTooLarge``, and what it held is dropped as it
/// comes: the connection goes on, and nobody keeps in memory what a stranger has written. Values of up to 1 KiB count as
/// nothing.
package enum ReplySize: UInt8, Sendable {
    /// As much as any reply may have.
    case usual
    /// Lists whose entries hold what records hold.
    case list
    /// Records.
    case record

    /// The most bytes that are read of one value of a record.
    package static let recordValueBytes = 1 << 20
    /// The most bytes that all replies to one request hold together, where they are bounded.
    package static let requestBytes = 8 << 20

    /// The most bytes of one value.
    var valueBytes: Int { self == .record ? Self.recordValueBytes : .max }
    /// The most bytes of all larger values together.
    var bytes: Int { self == .usual ? .max : Self.requestBytes }
}

extension RedisServerError {
    /// Whether the reply was larger than was asked for; this is said here, and not by the server.
    package var isTooLarge: Bool { message.hasPrefix(Self.tooLarge) }

    private static let tooLarge = "TOOLARGE "

    /// The whole text, without a code that only programs need.
    package var words: String { isTooLarge ? String(message.dropFirst(Self.tooLarge.count)) : message }
}

extension RedisValue {
    /// Whether the reply was larger than was asked for.
    package var isTooLarge: Bool { kind == .error && error?.isTooLarge == true }

    /// Whether it was too large only beside the replies before it.
    fileprivate var isTooMuch: Bool { kind == .error && error?.message.hasPrefix("TOOLARGE the replies ") == true }
}

extension RedisClient {
    /// Sends commands together as ``pipeline(_:deadline:)`` does, again and again for those whose replies don't fit beside
    /// the others'.
    ///
    /// - Parameter take: is given each reply with the place of its command, so that none need be kept.
    package func pipelineInPieces(
        _ commands: [RedisCommand], take: (Int, RedisValue) throws -> Void
    ) async throws {
        var open = Array(commands.indices)
        while !open.isEmpty {
            let replies = try await pipeline(open.map { commands[$0] })
            var rest: [Int] = []
            for (number, (place, reply)) in zip(open, replies).enumerated() {
                // The first had all the room there is.
                if number > 0, reply.isTooMuch { rest.append(place) } else { try take(place, reply) }
            }
            open = rest
        }
    }

    /// Replies to commands whose replies may not fit beside each other.
    package func pipelineInPieces(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        var replies = Array(repeating: RedisValue.null, count: commands.count)
        try await pipelineInPieces(commands) { replies[$0] = $1 }
        return replies
    }
}

extension RedisError {
    /// Whether the reply was larger than was asked for.
    package var isTooLarge: Bool { server?.isTooLarge == true }
}
